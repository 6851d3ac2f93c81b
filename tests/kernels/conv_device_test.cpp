// The convolutions of another device against those of the CPU, which tests/kernels/conv_test.cpp judges.
#include <doctest/doctest.h>

#include "core/precision.h"
#include "tests/kernels/conv_cases.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

double difference(const Tensor& got, const Tensor& expected) {
  return relative_error(got.to_host(), expected.to_host());
}

// On the CPU there is nothing to compare.
bool same_device() { return test_device() == kCpu; }

void compare_all(double tolerance) {
  const Device device = test_device();
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    const Tensor x = cpu_normal(c.x, 1), w = cpu_normal(c.w, 2), b = cpu_normal({c.w[0]}, 3);
    for (float slope : {1.0f, 0.2f, 0.0f}) {
      const Tensor here = conv2d(x.to(device), w.to(device), b.to(device), c.geometry, slope);
      CHECK(difference(here, conv2d(x, w, b, c.geometry, slope)) < tolerance);
    }
    const Tensor dy = cpu_normal(conv2d_shape(c.x, c.w, c.geometry), 4);
    CHECK(difference(conv2d_backward_data(dy.to(device), w.to(device), c.x, c.geometry),
                     conv2d_backward_data(dy, w, c.x, c.geometry)) < tolerance);
    CHECK(difference(conv2d_backward_data(dy.to(device), w.to(device), c.x, c.geometry, {x.to(device), 0.2f}),
                     conv2d_backward_data(dy, w, c.x, c.geometry, {x, 0.2f})) < tolerance);
    CHECK(difference(conv2d_backward_weight(x.to(device), dy.to(device), c.w, c.geometry),
                     conv2d_backward_weight(x, dy, c.w, c.geometry)) < tolerance);
  }
}

}  // namespace

TEST_CASE("convolutions on the test device agree with the CPU in fp32" * doctest::skip(same_device())) {
  const PrecisionScope mode(Precision::fp32);
  compare_all(1e-5);
}

TEST_CASE("convolutions on the test device agree with the CPU's emulation of tf32" * doctest::skip(same_device())) {
  const PrecisionScope mode(Precision::tf32);
  compare_all(2e-3);  // ties of the operands' tenth bit may be rounded differently
}

TEST_CASE("convolutions on the test device agree with the CPU's emulation of bf16" * doctest::skip(same_device())) {
  const PrecisionScope mode(Precision::bf16);
  compare_all(1e-5);
}

TEST_CASE("a NaN passes through a convolution's activation on the test device" * doctest::skip(same_device())) {
  const Device device = test_device();
  const Tensor x = Tensor::from_host(std::vector<float>(64, NAN), {1, 2, 2, 16}, device);
  const Tensor w = normal({16, 1, 1, 16}, 1), b = normal({16}, 2);
  for (float y : conv2d(x, w, b, {}, 0.2f).to_host()) CHECK(std::isnan(y));
  for (float y : conv2d_backward_data(x, w, x.shape(), {}, {x, 0.2f}).to_host()) CHECK(std::isnan(y));
}

}  // namespace ebm
