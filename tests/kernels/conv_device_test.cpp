// The convolutions of another device against those of the CPU, which tests/kernels/conv_test.cpp judges.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/precision.h"
#include "kernels/conv.h"
#include "kernels/random_fill.h"
#include "tests/test_device.h"

namespace ebm {
namespace {

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
    {"one channel", {3, 28, 28, 1}, {64, 4, 4, 1}, {2, {1, 1}}},
    {"three channels", {2, 32, 32, 3}, {64, 3, 3, 3}, {1, {1, 1}}},
    {"stride 2", {5, 14, 14, 64}, {128, 4, 4, 64}, {2, {1, 1}}},
    {"padding after only", {5, 14, 14, 64}, {128, 3, 3, 64}, {2, {0, 1}}},
    {"4x4 stride 1", {3, 7, 7, 64}, {64, 4, 4, 64}, {1, {1, 2}}},
    {"everything uneven", {3, 11, 9, 5}, {7, 3, 5, 5}, uneven(2, 3, {0, 2}, {1, 3})},
    {"1x1 image", {3, 1, 1, 100}, {256, 4, 4, 100}, {1, {3, 3}}},
    {"rows unread", {2, 10, 10, 16}, {16, 3, 3, 16}, {2, {0, 0}}},
};

Tensor normal(const Shape& shape, uint64_t seed) {
  Tensor x = Tensor::empty(shape, kCpu);
  fill_normal(x, {seed, Stream::init}, 0, 1);
  return x;
}

// Largest difference relative to the largest value.
double difference(const Tensor& got, const Tensor& expected) {
  const auto a = got.to_host(), b = expected.to_host();
  double worst = 0, largest = 1e-30;
  for (size_t i = 0; i < b.size(); ++i) {
    if (!std::isfinite(a[i])) return INFINITY;
    worst = std::max(worst, static_cast<double>(std::abs(a[i] - b[i])));
    largest = std::max(largest, static_cast<double>(std::abs(b[i])));
  }
  return worst / largest;
}

void compare_all(double tolerance) {
  const Device device = test_device();
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const Tensor x = normal(c.x, 1), w = normal(c.w, 2), b = normal({c.w[0]}, 3);
    for (float slope : {1.0f, 0.2f, 0.0f}) {
      const Tensor here = conv2d(x.to(device), w.to(device), b.to(device), c.geometry, slope);
      CHECK(difference(here, conv2d(x, w, b, c.geometry, slope)) < tolerance);
    }
    const Tensor dy = normal(conv2d_shape(c.x, c.w, c.geometry), 4);
    CHECK(difference(conv2d_backward_data(dy.to(device), w.to(device), c.x, c.geometry),
                     conv2d_backward_data(dy, w, c.x, c.geometry)) < tolerance);
    CHECK(difference(conv2d_backward_weight(x.to(device), dy.to(device), c.w, c.geometry),
                     conv2d_backward_weight(x, dy, c.w, c.geometry)) < tolerance);
  }
}

}  // namespace

TEST_CASE("convolutions on the test device agree with the CPU in fp32") {
  set_precision(Precision::fp32);
  compare_all(1e-5);
}

TEST_CASE("convolutions on the test device agree with the CPU to ten bits in tf32") {
  set_precision(Precision::tf32);
  compare_all(4e-3);
  set_precision(Precision::fp32);
}

}  // namespace ebm
