// The reduced precisions: the rounding itself, and what convolutions and products make of it.
#include "kernels/round_operand.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/chain/langevin_conv.h"
#include "kernels/conv/conv.h"
#include "kernels/linear.h"
#include "tests/random_tensor.h"
#include "tests/train/tiny_run.h"

namespace ebm {
namespace {

uint32_t bits(float x, Precision p) { return std::bit_cast<uint32_t>(round_operand(x, p)); }
uint32_t bits(uint32_t x, Precision p) { return bits(std::bit_cast<float>(x), p); }

}  // namespace

TEST_CASE("bf16 keeps 16 bits, to the nearest, ties to even") {
  const auto p = Precision::bf16;
  CHECK(bits(1.0f, p) == 0x3F800000u);
  CHECK(bits(0x3F807FFFu, p) == 0x3F800000u);  // below the half
  CHECK(bits(0x3F808000u, p) == 0x3F800000u);  // the half: to the even neighbour, down
  CHECK(bits(0x3F818000u, p) == 0x3F820000u);  // the half: to the even neighbour, up
  CHECK(bits(0x3F808001u, p) == 0x3F810000u);  // above it
  CHECK(bits(0x3FFFFFFFu, p) == 0x40000000u);  // carries into the exponent
  CHECK(bits(0xBF808001u, p) == 0xBF810000u);  // the sign does not matter
  CHECK(bits(0x00008001u, p) == 0x00010000u);  // denormal
  CHECK(bits(-0.0f, p) == 0x80000000u);
  CHECK(bits(0x7F7FFFFFu, p) == 0x7F800000u);  // the largest float: infinity
  CHECK(bits(0xFF800000u, p) == 0xFF800000u);
  CHECK(std::isnan(round_operand(std::bit_cast<float>(0x7F800001u), p)));  // its payload is cut off
  CHECK(std::isnan(round_operand(std::bit_cast<float>(0xFFFFFFFFu), p)));  // this one would wrap around
}

TEST_CASE("tf32 keeps ten bits behind the leading one") {
  const auto p = Precision::tf32;
  CHECK(bits(0x3F800FFFu, p) == 0x3F800000u);
  CHECK(bits(0x3F801000u, p) == 0x3F800000u);
  CHECK(bits(0x3F803000u, p) == 0x3F804000u);
  CHECK(bits(0x3F801001u, p) == 0x3F802000u);
  CHECK(bits(0x7F7FFFFFu, p) == 0x7F800000u);
  CHECK(std::isnan(round_operand(std::numeric_limits<float>::quiet_NaN(), p)));
  CHECK(bits(0x3F801001u, Precision::fp32) == 0x3F801001u);
}

TEST_CASE("a convolution in a reduced precision is the one of rounded operands, its sums in fp32") {
  const test::FixedPlans fixed;  // timing might find a way that does not round
  const ConvGeometry g(2, {1, 2});
  const Tensor x = normal({2, 9, 9, 32}, 1), w = normal({32, 3, 3, 32}, 2), b = normal({32}, 3);
  const Tensor dy = normal(conv2d_shape(x.shape(), w.shape(), g), 4);
  for (const Precision p : {Precision::tf32, Precision::bf16}) {
    CAPTURE(name(p));
    const Tensor rx = round_operands(x, p), rw = round_operands(w, p), rdy = round_operands(dy, p);
    const auto y = conv2d(rx, rw, b, g, 0.2f).to_host();  // in fp32, which conv_test holds against double
    const auto dx = conv2d_backward_data(rdy, rw, x.shape(), g).to_host();
    const auto dw = conv2d_backward_weight(rx, rdy, w.shape(), g).to_host();
    const auto exact = conv2d(x, w, b, g, 0.2f).to_host();
    const PrecisionScope mode(p);
    CHECK(relative_error(conv2d(x, w, b, g, 0.2f).to_host(), y) < 1e-5);
    CHECK(relative_error(conv2d_backward_data(dy, w, x.shape(), g).to_host(), dx) < 1e-5);
    CHECK(relative_error(conv2d_backward_weight(x, dy, w.shape(), g).to_host(), dw) < 1e-5);
    CHECK(relative_error(y, exact) > 1e-4);  // the mode does something
  }
}

TEST_CASE("a bf16 convolution equals the definition in double of rounded operands") {
  const Tensor x = normal({2, 6, 5, 3}, 1), w = normal({8, 3, 2, 3}, 2);
  const Tensor rx = round_operands(x, Precision::bf16), rw = round_operands(w, Precision::bf16);
  const auto xv = rx.to_host(), wv = rw.to_host();
  std::vector<double> expected;  // no padding, stride 1: (2, 4, 4, 8)
  for (int n = 0; n < 2; ++n)
    for (int p = 0; p < 4; ++p)
      for (int q = 0; q < 4; ++q)
        for (int k = 0; k < 8; ++k) {
          double sum = 0;
          for (int r = 0; r < 3; ++r)
            for (int s = 0; s < 2; ++s)
              for (int c = 0; c < 3; ++c)
                sum += double{xv[((n * 6 + p + r) * 5 + q + s) * 3 + c]} * wv[((k * 3 + r) * 2 + s) * 3 + c];
          expected.push_back(sum);
        }
  const PrecisionScope mode(Precision::bf16);
  CHECK(relative_error(conv2d(x, w, ConvGeometry()).to_host(), expected) < 1e-6);
}

TEST_CASE("products and the fused step round their operands as convolutions do") {
  // even extents: of odd ones a GPU's library may make the product in fp32
  const Tensor x = normal({4, 40}, 1), w = normal({6, 40}, 2);
  const auto y = linear(round_operands(x, Precision::bf16), round_operands(w, Precision::bf16), {}).to_host();
  const Shape image{2, 9, 7, 3};
  const Tensor weight = normal({8, 3, 3, 3}, 1), start = normal(image, 4);
  const ConvGeometry g(2, {1, 1});
  const Tensor df_dh = normal(conv2d_shape(image, weight.shape(), g), 2);
  const LangevinStep step{0.1f, 0.1f, 0, 0};
  const RandomKey key{1, Stream::langevin};
  const PrecisionScope mode(Precision::bf16);
  CHECK(relative_error(linear(x, w, {}).to_host(), y) < 1e-6);
  Tensor fused = start.clone(), separate = start.clone();
  langevin_step_conv(fused, df_dh, {}, weight, g, step, key);
  langevin_step(separate, conv2d_backward_data(df_dh, weight, image, g), step, key);
  CHECK(relative_error(fused.to_host(), separate.to_host()) < 2e-6);
}

}  // namespace ebm
