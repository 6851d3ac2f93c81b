// The convolutions of another device against those of the CPU, which tests/kernels/conv/conv_test.cpp judges.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/check.h"
#include "core/precision.h"
#include "kernels/to_bf16.h"
#include "tests/kernels/conv/conv_cases.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

double difference(const Tensor& got, const Tensor& expected) {
  return relative_error(got.to_host(), expected.to_host());
}

// On the CPU there is nothing to compare.
bool same_device() { return test_device() == kCpu; }

// `per_term` is added to the tolerance for each term of the sum that makes an element.
void compare_all(double base, double per_term = 0) {
  const Device device = test_device();
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    const Shape y = conv2d_shape(c.x, c.w, c.geometry);
    const double window = static_cast<double>(c.w[1] * c.w[2]);
    const double forward_tolerance = base + per_term * window * c.w[3];
    const double data_tolerance = base + per_term * window * c.w[0];
    const double weight_tolerance = base + per_term * y[0] * y[1] * y[2];
    const Tensor x = cpu_normal(c.x, 1), w = cpu_normal(c.w, 2), b = cpu_normal({c.w[0]}, 3);
    for (float slope : {1.0f, 0.2f, 0.0f}) {
      const Tensor here = conv2d(x.to(device), w.to(device), b.to(device), c.geometry, slope);
      CHECK(difference(here, conv2d(x, w, b, c.geometry, slope)) < forward_tolerance);
    }
    const Tensor none = conv2d(x.to(device), w.to(device), {}, c.geometry);
    CHECK(difference(none, conv2d(x, w, {}, c.geometry)) < forward_tolerance);
    const Tensor dy = cpu_normal(y, 4);
    CHECK(difference(conv2d_backward_data(dy.to(device), w.to(device), c.x, c.geometry),
                     conv2d_backward_data(dy, w, c.x, c.geometry)) < data_tolerance);
    CHECK(difference(conv2d_backward_data(dy.to(device), w.to(device), c.x, c.geometry, LeakyMask{x.to(device), 0.2f}),
                     conv2d_backward_data(dy, w, c.x, c.geometry, LeakyMask{x, 0.2f})) < data_tolerance);
    // a transposed convolution's
    const Tensor c_bias = cpu_normal({c.w[3]}, 5);
    for (float slope : {1.0f, 0.2f})
      CHECK(difference(conv2d_backward_data(dy.to(device), w.to(device), c.x, c.geometry,
                                            ConvEpilogue::bias_activation(c_bias.to(device), slope)),
                       conv2d_backward_data(dy, w, c.x, c.geometry, ConvEpilogue::bias_activation(c_bias, slope))) <
            data_tolerance);
    CHECK(difference(conv2d(x.to(device), w.to(device), c.geometry, LeakyMask{dy.to(device), 0.2f}),
                     conv2d(x, w, c.geometry, LeakyMask{dy, 0.2f})) < forward_tolerance);
    CHECK(difference(conv2d_backward_weight(x.to(device), dy.to(device), c.w, c.geometry),
                     conv2d_backward_weight(x, dy, c.w, c.geometry)) < weight_tolerance);
  }
}

// tolerance: one rounding of the result, and one more where its end is a kernel of its own; sums differ as above.
void check_bf16(const ConvCase& c, double tolerance = 0x1p-7) {
  const Tensor x = to_bf16(normal(c.x, 1)), w = normal(c.w, 2), b = normal({c.w[0]}, 3);
  const Tensor rounded_w = to_bf16(w);
  const Tensor x_cpu = to_fp32(x).to(kCpu), w_cpu = w.to(kCpu), b_cpu = b.to(kCpu);
  for (float slope : {1.0f, 0.2f}) {
    const Tensor y = conv2d(x, rounded_w, b, c.geometry, slope);
    CHECK(y.type() == ElementType::bf16);
    CHECK(difference(y, conv2d(x_cpu, w_cpu, b_cpu, c.geometry, slope)) < tolerance);
  }
  CHECK(difference(conv2d(x, w, {}, c.geometry), conv2d(x_cpu, w_cpu, {}, c.geometry)) < tolerance);
  const Tensor dy = to_bf16(normal(conv2d_shape(c.x, c.w, c.geometry), 4)), dy_cpu = to_fp32(dy).to(kCpu);
  const Tensor dx = conv2d_backward_data(dy, rounded_w, c.x, c.geometry, LeakyMask{x, 0.2f});
  CHECK(dx.type() == ElementType::bf16);
  CHECK(difference(dx, conv2d_backward_data(dy_cpu, w_cpu, c.x, c.geometry, LeakyMask{x_cpu, 0.2f})) < tolerance);
  CHECK(difference(conv2d_backward_data(dy, rounded_w, c.x, c.geometry),
                   conv2d_backward_data(dy_cpu, w_cpu, c.x, c.geometry)) < tolerance);
  const Tensor b_x = normal({c.w[3]}, 5), b_x_cpu = b_x.to(kCpu);
  CHECK(difference(conv2d_backward_data(dy, rounded_w, c.x, c.geometry, ConvEpilogue::bias_activation(b_x, 0.2f)),
                   conv2d_backward_data(dy_cpu, w_cpu, c.x, c.geometry, ConvEpilogue::bias_activation(b_x_cpu, 0.2f))) <
        tolerance);
  CHECK(difference(conv2d(x, rounded_w, c.geometry, LeakyMask{dy, 0.2f}),
                   conv2d(x_cpu, w_cpu, c.geometry, LeakyMask{dy_cpu, 0.2f})) < tolerance);
  const Tensor dw = conv2d_backward_weight(x, dy, c.w, c.geometry);
  CHECK(dw.type() == ElementType::fp32);
  CHECK(difference(dw, conv2d_backward_weight(x_cpu, dy_cpu, c.w, c.geometry)) < 1e-4);
  CHECK_THROWS_AS(conv2d_backward_data(dy, w, c.x, c.geometry, LeakyMask{to_fp32(x), 0.2f}), Error);
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
  // Both multiply the same bf16 numbers, and the products are exact in fp32. What differs is the sum: tensor
  // cores cut each addend off below the last bit of the largest one (Fasi et al. 2021): 2^-23 of a number that is
  // about as large as the largest output. An operand or output rounded once more, or not at all, is off by up to
  // 2^-9 of itself.
  compare_all(1e-5, 0x1p-23);
}

TEST_CASE("convolutions of bf16 maps are those of their values, rounded, on any device and by any algorithm") {
  const PrecisionScope mode(Precision::bf16);
  using cpu::ConvAlgorithm;
  std::vector<std::optional<ConvAlgorithm>> algorithms = {std::nullopt};
  if (!test_device().is_cuda())
    algorithms.insert(algorithms.end(), {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns,
                                         ConvAlgorithm::winograd});
  for (const auto& algorithm : algorithms) {
    CAPTURE(algorithm ? cpu::name(*algorithm) : "what is fastest");
    const Forced forced(algorithm);
    // Winograd's, which takes over where an algorithm cannot, rounds what it has transformed
    // (tests/kernels/conv/winograd_bf16_test.cpp).
    const bool transformed = !test_device().is_cuda() && cpu::multiplies_bf16();
    for (const ConvCase& c : kConvCases) {
      CAPTURE(c.name);
      check_bf16(c, transformed ? 0.03 : 0x1p-7);
    }
  }
}

TEST_CASE("convolutions that were seen before allocate nothing from the system, in any precision") {
  const ConvGeometry g(2, {0, 1});
  const Tensor x = normal({4, 14, 14, 16}, 1), w = normal({32, 3, 3, 16}, 2), b = normal({32}, 3);
  const Tensor dy = normal(conv2d_shape(x.shape(), w.shape(), g), 4);
  const auto all = [&] {
    conv2d(x, w, b, g, 0.2f);
    conv2d(x, w, {}, g);
    conv2d_backward_data(dy, w, x.shape(), g, LeakyMask{x, 0.2f});
    conv2d_backward_data(dy, w, x.shape(), g);
    conv2d_backward_weight(x, dy, w.shape(), g);
  };
  for (const Precision p : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    CAPTURE(name(p));
    const PrecisionScope mode(p);
    all();
    const uint64_t before = memory_stats(x.device()).system_allocations;
    for (int i = 0; i < 3; ++i) all();
    CHECK(memory_stats(x.device()).system_allocations == before);
  }
}

// Told, not asked for: cuDNN's fused activations do not promise it, and the guard does without (train/guard.h).
TEST_CASE("whether a NaN passes through a convolution's activation on the test device" * doctest::skip(same_device())) {
  const Device device = test_device();
  const Tensor x = Tensor::from_host(std::vector<float>(64, NAN), {1, 2, 2, 16}, device);
  const Tensor w = normal({16, 1, 1, 16}, 1), b = normal({16}, 2);
  const auto all_nan = [](const Tensor& y) {
    const std::vector<float> values = y.to_host();
    return std::all_of(values.begin(), values.end(), [](float v) { return std::isnan(v); });
  };
  for (const Precision p : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    CAPTURE(name(p));
    const PrecisionScope mode(p);
    CHECK(all_nan(conv2d(x, w, ConvGeometry())));
    WARN(all_nan(conv2d(x, w, b, {}, 0.2f)));
    WARN(all_nan(conv2d_backward_data(x, w, x.shape(), {}, LeakyMask{x, 0.2f})));
  }
}

}  // namespace ebm
