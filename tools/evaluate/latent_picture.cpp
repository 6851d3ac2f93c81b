#include "tools/evaluate/latent_picture.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int64_t kSide = 400;
constexpr uint8_t kDot[] = {230, 60, 40};

// The z of the centres of a row's pixels, (kSide, 2).
Tensor row_of(int64_t row, double range, Device device) {
  const auto place = [range](int64_t i) {
    return static_cast<float>(range * (2 * (static_cast<double>(i) + 0.5) / kSide - 1));
  };
  std::vector<float> z;
  for (int64_t column = 0; column < kSide; ++column) {
    z.push_back(place(column));
    z.push_back(-place(row));
  }
  return Tensor::from_host(z, {kSide, 2}, device);
}

int64_t pixel_of(double z, double range) { return std::llround((z / range + 1) / 2 * kSide - 0.5); }

}  // namespace

LatentPlane latent_plane(const Potential& u, double range, Device device) {
  std::vector<float> energies;
  for (int64_t row = 0; row < kSide; ++row) {
    const std::vector<float> part = u(row_of(row, range, device)).u.to_host();
    energies.insert(energies.end(), part.begin(), part.end());
  }
  const float least = *std::min_element(energies.begin(), energies.end());
  Picture plane{{kSide, kSide, 3}, {}};
  for (const float energy : energies)  // the square root of exp(−U) shows tails, too
    plane.pixels.insert(plane.pixels.end(), 3,
                        static_cast<uint8_t>(std::lround(255 * std::exp(-0.5 * (energy - least)))));
  return {range, plane};
}

double latent_range(const std::vector<Tensor>& samples) {
  constexpr double kLeast = 4, kMargin = 1.1;
  double most = 0;
  for (const Tensor& z : samples)
    for (const float value : z.to_host()) most = std::max<double>(most, std::abs(value));
  return std::max(kLeast, kMargin * most);
}

Picture with_dots(const LatentPlane& plane, const Tensor& samples) {
  EBM_CHECK(samples.rank() == 2 && samples.extent(1) == 2, "picture of z", to_string(samples.shape()), "z (N, 2)");
  Picture picture = plane.picture;
  const std::vector<float> z = samples.to_host();
  for (size_t i = 0; i + 1 < z.size(); i += 2) {
    if (!(std::max(std::abs(z[i]), std::abs(z[i + 1])) < plane.range)) continue;
    const int64_t column = pixel_of(z[i], plane.range), row = pixel_of(-z[i + 1], plane.range);
    for (int64_t r = std::max<int64_t>(row - 1, 0); r <= std::min(row + 1, kSide - 1); ++r)
      for (int64_t c = std::max<int64_t>(column - 1, 0); c <= std::min(column + 1, kSide - 1); ++c)
        std::copy_n(kDot, 3, picture.pixels.begin() + (r * kSide + c) * 3);
  }
  return picture;
}

}  // namespace ebm
