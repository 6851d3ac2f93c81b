// Every algorithm of the CPU convolution against the definition summed in double, over a table of shapes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/check.h"
#include "core/memory.h"
#include "core/random.h"
#include "kernels/conv.h"
#include "kernels/conv_plan.h"

namespace {

using namespace ebm;
using cpu::ConvAlgorithm;

struct Case {
  const char* name;
  Shape x, w;  // (N,H,W,C), (K,R,S,C)
  ConvGeometry geometry;
};

ConvGeometry uneven(int stride_h, int stride_w, Padding pad_h, Padding pad_w) {
  ConvGeometry g;
  g.stride_h = stride_h, g.stride_w = stride_w, g.pad_h = pad_h, g.pad_w = pad_w;
  return g;
}

const std::vector<Case> kCases = {
    {"mnist first layer", {3, 28, 28, 1}, {64, 5, 5, 1}, {2, {1, 2}}},
    {"cifar first layer", {2, 32, 32, 3}, {64, 3, 3, 3}, {1, {1, 1}}},
    {"narrow first layer", {2, 28, 28, 1}, {16, 5, 5, 1}, {2, {1, 2}}},
    {"mnist second layer", {3, 14, 14, 64}, {128, 3, 3, 64}, {2, {0, 1}}},
    {"mnist third layer", {3, 7, 7, 128}, {256, 3, 3, 128}, {1, {1, 1}}},
    {"narrow third layer", {3, 7, 7, 32}, {64, 3, 3, 32}, {1, {1, 1}}},
    {"cifar second layer", {2, 32, 32, 64}, {128, 4, 4, 64}, {2, {1, 1}}},
    {"cifar fourth layer", {3, 8, 8, 256}, {256, 4, 4, 256}, {2, {1, 1}}},
    {"encoder, 4x4 stride 1", {3, 7, 7, 64}, {64, 4, 4, 64}, {1, {1, 2}}},
    {"generator's last layer", {3, 28, 28, 1}, {64, 3, 3, 1}, {2, {0, 1}}},
    {"image output", {2, 32, 32, 3}, {64, 3, 3, 3}, {1, {1, 1}}},
    {"even map", {3, 8, 8, 16}, {32, 3, 3, 16}, {1, {1, 1}}},
    {"odd map, one image", {1, 5, 6, 16}, {16, 3, 3, 16}, {1, {1, 1}}},
    {"no padding", {3, 9, 7, 32}, {48, 3, 3, 32}, {1, {}}},
    {"wide padding", {2, 5, 5, 16}, {16, 3, 3, 16}, {1, {2, 2}}},
    {"uneven padding and strides", {3, 11, 9, 5}, {7, 3, 5, 5}, uneven(2, 3, {0, 2}, {1, 3})},
    {"uneven padding, vector channels", {3, 11, 9, 16}, {32, 3, 5, 16}, uneven(1, 2, {0, 2}, {3, 1})},
    {"stride leaves rows unread", {2, 10, 10, 16}, {16, 3, 3, 16}, {2, {0, 0}}},
    {"stride beyond the kernel", {2, 13, 13, 16}, {16, 2, 2, 16}, {3, {0, 0}}},
    {"few channels, stride beyond a vector", {2, 21, 21, 3}, {8, 2, 2, 3}, {8, {0, 0}}},
    {"1x1 kernel", {3, 6, 5, 24}, {40, 1, 1, 24}, {1, {}}},
    {"1x1 output", {3, 7, 7, 64}, {10, 7, 7, 64}, {1, {}}},
    {"1x1 image", {3, 1, 1, 100}, {256, 4, 4, 100}, {1, {3, 3}}},
    {"single channels", {1, 6, 6, 1}, {1, 3, 3, 1}, {1, {1, 0}}},
};

Tensor random_tensor(const Shape& shape, uint32_t step) {
  std::vector<float> values(shape.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = normal1({7, Stream::init, 0, step}, i);
  return Tensor::from_host(values, shape, kCpu);
}

// Calls visit(x index, w index, y index) for each product of the convolution's definition.
template <class Visit>
void for_each_product(const Shape& x, const Shape& w, const Shape& y, const ConvGeometry& g, Visit visit) {
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t p = 0; p < y[1]; ++p)
      for (int64_t q = 0; q < y[2]; ++q)
        for (int64_t r = 0; r < w[1]; ++r)
          for (int64_t s = 0; s < w[2]; ++s) {
            const int64_t row = p * g.stride_h + r - g.pad_h.before;
            const int64_t column = q * g.stride_w + s - g.pad_w.before;
            if (row < 0 || row >= x[1] || column < 0 || column >= x[2]) continue;
            for (int64_t k = 0; k < w[0]; ++k)
              for (int64_t c = 0; c < w[3]; ++c)
                visit(((n * x[1] + row) * x[2] + column) * x[3] + c, ((k * w[1] + r) * w[2] + s) * w[3] + c,
                      ((n * y[1] + p) * y[2] + q) * y[3] + k);
          }
}

// Largest difference relative to the largest value.
double error(const Tensor& got, const std::vector<double>& expected) {
  const auto values = got.to_host();
  double difference = 0.0, largest = 1e-30;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(values[i])) return INFINITY;
    difference = std::max(difference, std::abs(values[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference / largest;
}

struct Forced {
  explicit Forced(std::optional<ConvAlgorithm> algorithm) { cpu::force_algorithm(algorithm); }
  ~Forced() { cpu::force_algorithm(std::nullopt); }
};

constexpr double kTolerance = 1e-5;
constexpr float kSlope = 0.2f;

void check_against_definition(const Case& c) {
  const Shape y_shape = conv2d_shape(c.x, c.w, c.geometry);
  const Tensor x = random_tensor(c.x, 1), w = random_tensor(c.w, 2);
  const Tensor b = random_tensor({c.w[0]}, 3), dy = random_tensor(y_shape, 4);
  const auto xv = x.to_host(), wv = w.to_host(), bv = b.to_host(), dyv = dy.to_host();
  std::vector<double> y(dyv.size()), dx(xv.size()), dw(wv.size());
  for_each_product(c.x, c.w, y_shape, c.geometry, [&](int64_t i, int64_t j, int64_t o) {
    y[o] += double{xv[i]} * wv[j];
    dx[i] += double{dyv[o]} * wv[j];
    dw[j] += double{xv[i]} * dyv[o];
  });
  std::vector<double> activated = y;
  for (size_t i = 0; i < y.size(); ++i) {
    activated[i] += bv[i % c.w[0]];
    if (activated[i] < 0) activated[i] *= kSlope;
  }

  for (const auto algorithm : {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns,
                               ConvAlgorithm::winograd}) {
    CAPTURE(cpu::name(algorithm));
    const Forced forced(algorithm);
    CHECK(error(conv2d(x, w, {}, c.geometry), y) < kTolerance);
    CHECK(error(conv2d(x, w, b, c.geometry, kSlope), activated) < kTolerance);
    CHECK(error(conv2d_backward_data(dy, w, c.x, c.geometry), dx) < kTolerance);
    CHECK(error(conv2d_backward_weight(x, dy, c.w, c.geometry), dw) < kTolerance);
  }
}

}  // namespace

TEST_CASE("CPU convolutions agree with the definition") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    check_against_definition(c);
  }
}

TEST_CASE("CPU convolutions follow weights changed in place") {
  const Tensor x = random_tensor({2, 7, 7, 16}, 1);
  const ConvGeometry g(1, {1, 1});
  for (const auto algorithm : {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns,
                               ConvAlgorithm::winograd}) {
    CAPTURE(cpu::name(algorithm));
    const Forced forced(algorithm);
    Tensor w = random_tensor({32, 3, 3, 16}, 2);
    conv2d(x, w, {}, g);
    w.copy_from(random_tensor({32, 3, 3, 16}, 5));
    CHECK(conv2d(x, w, {}, g).to_host() == conv2d(x, w.clone(), {}, g).to_host());
  }
}

TEST_CASE("CPU convolutions are bitwise repeatable and allocate nothing once warm") {
  const Tensor x = random_tensor({5, 14, 14, 32}, 1), w = random_tensor({64, 3, 3, 32}, 2);
  const ConvGeometry g(2, {0, 1});
  const Tensor dy = random_tensor(conv2d_shape(x.shape(), w.shape(), g), 3);
  for (const auto algorithm : {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns,
                               ConvAlgorithm::winograd}) {
    CAPTURE(cpu::name(algorithm));
    const Forced forced(algorithm);
    const auto y = conv2d(x, w, {}, g).to_host();
    const auto dx = conv2d_backward_data(dy, w, x.shape(), g).to_host();
    const auto dw = conv2d_backward_weight(x, dy, w.shape(), g).to_host();
    const auto before = memory_stats(kCpu).system_allocations;
    for (int i = 0; i < 3; ++i) {
      CHECK(conv2d(x, w, {}, g).to_host() == y);
      CHECK(conv2d_backward_data(dy, w, x.shape(), g).to_host() == dx);
      CHECK(conv2d_backward_weight(x, dy, w.shape(), g).to_host() == dw);
    }
    CHECK(memory_stats(kCpu).system_allocations == before);
  }
}

TEST_CASE("convolution plans survive the trip through text") {
  const bool timing = cpu::plan_timing();
  const Tensor x = random_tensor({4, 8, 8, 16}, 1), w = random_tensor({16, 3, 3, 16}, 2);
  const ConvGeometry g(1, {1, 1});

  cpu::clear_plans();
  cpu::set_plan_timing(true);
  const auto timed = conv2d(x, w, {}, g).to_host();
  const std::string plans = cpu::plans_to_string();
  CHECK(plans.find("forward n4 h8 w8 c16 k16 r3 s3") != std::string::npos);

  cpu::clear_plans();
  CHECK(cpu::plans_to_string().empty());
  cpu::plans_from_string(plans);
  CHECK(cpu::plans_to_string() == plans);
  CHECK(conv2d(x, w, {}, g).to_host() == timed);

  // Without timing the choice is a function of the shape alone.
  cpu::clear_plans();
  cpu::set_plan_timing(false);
  const auto fixed = conv2d(x, w, {}, g).to_host();
  cpu::clear_plans();
  CHECK(conv2d(x, w, {}, g).to_host() == fixed);

  CHECK_THROWS_AS(cpu::plans_from_string("forward n4 = magic\n"), Error);
  cpu::clear_plans();
  cpu::set_plan_timing(timing);
}
