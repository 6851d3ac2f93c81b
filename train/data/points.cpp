#include "train/data/points.h"

#include <cmath>
#include <numbers>

#include "core/check.h"

namespace ebm {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

double gaussian(double x, double deviation) {
  return std::exp(-0.5 * x * x / (deviation * deviation)) / (deviation * std::sqrt(kTurn));
}

namespace circle {

constexpr int kGaussians = 8;
constexpr double kRadius = 2, kDeviation = 0.1;

void draw(const RandomKey& key, uint64_t i, float* point) {
  const Floats4 n = normal4(key, 2 * i), u = uniform4(key, 2 * i + 1);
  const double angle = std::floor(u.v[0] * kGaussians) * kTurn / kGaussians;
  point[0] = static_cast<float>(kRadius * std::cos(angle) + kDeviation * n.v[0]);
  point[1] = static_cast<float>(kRadius * std::sin(angle) + kDeviation * n.v[1]);
}

double density(double x, double y) {
  double sum = 0;
  for (int k = 0; k < kGaussians; ++k) {
    const double angle = k * kTurn / kGaussians;
    sum += gaussian(x - kRadius * std::cos(angle), kDeviation) * gaussian(y - kRadius * std::sin(angle), kDeviation);
  }
  return sum / kGaussians;
}

}  // namespace circle

namespace pinwheel {

constexpr int kArms = 5;
constexpr double kScale = 2, kRadial = 0.3, kTangential = 0.1, kRate = 0.25;

// The turn of an arm at distance r from the middle: a rotation by an angle that r alone sets keeps areas.
double turn(double r) { return kRate * std::exp(r); }

void draw(const RandomKey& key, uint64_t i, float* point) {
  const Floats4 n = normal4(key, 2 * i), u = uniform4(key, 2 * i + 1);
  const double a = 1 + kRadial * n.v[0], b = kTangential * n.v[1];
  const double angle = std::floor(u.v[0] * kArms) * kTurn / kArms + turn(std::hypot(a, b));
  point[0] = static_cast<float>(kScale * (std::cos(angle) * a - std::sin(angle) * b));
  point[1] = static_cast<float>(kScale * (std::sin(angle) * a + std::cos(angle) * b));
}

double density(double x, double y) {
  const double r = std::hypot(x, y) / kScale;
  double sum = 0;
  for (int k = 0; k < kArms; ++k) {
    const double angle = k * kTurn / kArms + turn(r);
    const double a = (std::cos(angle) * x + std::sin(angle) * y) / kScale,
                 b = (-std::sin(angle) * x + std::cos(angle) * y) / kScale;
    sum += gaussian(a - 1, kRadial) * gaussian(b, kTangential);
  }
  return sum / (kArms * kScale * kScale);
}

}  // namespace pinwheel

namespace checkerboard {

constexpr double kHalf = 2;  // squares of 1, four an edge

bool filled(double x, double y) {
  return (static_cast<int64_t>(std::floor(x)) + static_cast<int64_t>(std::floor(y))) % 2 == 0;
}

void draw(const RandomKey& key, uint64_t i, float* point) {
  const Floats4 u = uniform4(key, i);
  const double x = 2 * kHalf * u.v[0] - kHalf;
  const double column = std::floor(x), row = std::floor(u.v[1] * 2);  // of the two filled squares of its column
  const double odd = static_cast<double>(std::abs(static_cast<int64_t>(column)) % 2);
  point[0] = static_cast<float>(x);
  point[1] = static_cast<float>(-kHalf + 2 * row + odd + u.v[2]);
}

double density(double x, double y) {
  if (std::abs(x) >= kHalf || std::abs(y) >= kHalf || !filled(x, y)) return 0;
  return 1.0 / 8;
}

}  // namespace checkerboard

}  // namespace

const std::vector<PointSet>& point_sets() {
  static const std::vector<PointSet> kSets = {{"8gaussians", 3, circle::draw, circle::density},
                                              {"pinwheel", 6, pinwheel::draw, pinwheel::density},
                                              {"checkerboard", 2, checkerboard::draw, checkerboard::density}};
  return kSets;
}

const PointSet* find_point_set(const std::string& name) {
  for (const PointSet& set : point_sets())
    if (name == set.name) return &set;
  return nullptr;
}

void PointSource::fill(uint64_t seed, int64_t iteration, int64_t, int64_t first, int64_t n,
                       std::span<float* const> out) const {
  EBM_CHECK(out.size() == 1, set_.name, std::to_string(out.size()) + " parts", "one, x");
  const RandomKey key{seed, Stream::data_order, static_cast<uint32_t>(iteration), 1};
  for (int64_t i = 0; i < n; ++i) set_.draw(key, static_cast<uint64_t>(first + i), out[0] + 2 * i);
}

}  // namespace ebm
