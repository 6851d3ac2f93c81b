// Winograd's convolutions of bf16 maps, and the product under them: on any processor, by its own bf16 products or without.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/conv/conv_routine.h"
#include "kernels/conv/tile_gemm.h"
#include "kernels/round_operand.h"
#include "kernels/to_bf16.h"
#include "tests/kernels/conv/conv_cases.h"
#include "tests/random_tensor.h"

namespace ebm::cpu {
namespace {

double distance(const Tensor& got, const Tensor& expected) {
  const std::vector<float> a = got.to_host(), b = expected.to_host();
  double square = 0, all = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    square += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    all += double{b[i]} * b[i];
  }
  return std::sqrt(square / all);
}

ConvProblem problem_of(ConvDirection direction, const ConvCase& c, const Shape& y, const ConvEpilogue& end, bool bf16) {
  ConvProblem p = conv_problem(direction, c.x, c.w, y, c.geometry);
  p.has_bias = end.bias.defined(), p.has_mask = end.mask.defined();
  p.negative_slope = end.negative_slope, p.bf16 = bf16;
  return p;
}

// The problem's result in bf16 by Winograd, beside that of the same numbers in fp32.
double error(ConvDirection direction, const ConvCase& c, const Tensor& a, const Tensor& w, const ConvEpilogue& end,
             const Shape& y) {
  const auto in_bf16 = make_winograd_routine(problem_of(direction, c, y, end, true));
  const auto in_fp32 = make_winograd_routine(problem_of(direction, c, y, end, false));
  const Shape& shape = direction == ConvDirection::forward ? y : c.x;
  Tensor got = Tensor::empty(shape, kCpu, ElementType::bf16), expected = Tensor::empty(shape, kCpu);
  ConvEpilogue bf16_end = end;
  if (end.mask.defined()) bf16_end.mask = to_bf16(end.mask);
  in_bf16->run(to_bf16(a), to_bf16(w), bf16_end, got);
  in_fp32->run(a, w, end, expected);
  return distance(got, expected);
}

}  // namespace

TEST_CASE("a product of pairs is that of their numbers in fp32") {
  for (const auto& [m, n, depth] : {std::array<int64_t, 3>{1, kLanes, 2}, {7, 3 * kLanes, 34}, {13, 80, 300}}) {
    CAPTURE(m);
    const Tensor a = to_fp32(to_bf16(cpu_normal({m, depth}, 1))), b = to_fp32(to_bf16(cpu_normal({depth, n}, 2)));
    const auto at = [&](const Tensor& t, int64_t i, int64_t j) { return t.data()[i * t.extent(1) + j]; };
    const auto pair = [](float first, float second) {
      return Bf16Pair{bf16_of(first).bits | static_cast<uint32_t>(bf16_of(second).bits) << 16};
    };
    std::vector<Bf16Pair> a_pairs(m * depth / 2), b_pairs(depth * n / 2);
    std::vector<float> b_packed(depth * n), c(m * n), expected(m * n);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t l = 0; l < depth; l += 2) a_pairs[(i * depth + l) / 2] = pair(at(a, i, l), at(a, i, l + 1));
    for (int64_t l = 0; l < depth; ++l)
      for (int64_t j = 0; j < n; ++j) {
        b_packed[pack_index(l, j, depth, n)] = at(b, l, j);
        if (l % 2 == 0) b_pairs[pack_index(l / 2, j, depth / 2, n)] = pair(at(b, l, j), at(b, l + 1, j));
      }
    packed_gemm(m, n, depth, a.data(), depth, b_packed.data(), expected.data(), n);
    packed_gemm(m, n, depth / 2, a_pairs.data(), depth / 2, b_pairs.data(), c.data(), n);
    CHECK(relative_error(c, expected) < 1e-5);
  }
}

TEST_CASE("vectors are rounded to bf16 as single numbers are") {
  std::vector<float> values = cpu_normal({64 * kLanes}, 3).to_host();
  const float infinity = std::numeric_limits<float>::infinity();
  const float odd[] = {0.0f, -0.0f, 1.0f, 1.00390625f, 1.01171875f, infinity, -infinity, 3.4e38f};
  std::copy(std::begin(odd), std::end(odd), values.begin());
  std::vector<Bf16> rounded(values.size());
  for (size_t i = 0; i < values.size(); i += kLanes) store(rounded.data() + i, load(values.data() + i));
  for (size_t i = 0; i < values.size(); ++i) {
    CAPTURE(values[i]);
    CHECK(rounded[i].bits == bf16_of(values[i]).bits);
  }
  values.assign(kLanes, NAN);
  store(rounded.data(), load(values.data()));
  for (int i = 0; i < kLanes; ++i) CHECK(std::isnan(value_of(rounded[i])));
  const Vec back = load(rounded.data() + kLanes);
  for (int i = 0; i < kLanes; ++i) CHECK(back[i] == value_of(rounded[kLanes + i]));
}

TEST_CASE("Winograd's convolutions in bf16 err by little more than the rounding of what is transformed") {
  int seen = 0;
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    const Shape y = conv2d_shape(c.x, c.w, c.geometry);
    if (make_winograd_routine(problem_of(ConvDirection::forward, c, y, {}, true)) == nullptr) continue;
    ++seen;
    const auto numbers = [](const Shape& shape, uint64_t seed) { return to_fp32(to_bf16(cpu_normal(shape, seed))); };
    const Tensor x = numbers(c.x, 1), w = numbers(c.w, 2), dy = numbers(y, 3);
    // 1.1 % of F(4, 3), and the rounding of the result; of one image's few numbers a little more
    const double most = 0.016;
    CHECK(error(ConvDirection::forward, c, x, w, {}, y) < most);
    CHECK(error(ConvDirection::forward, c, x, w, ConvEpilogue::bias_activation(cpu_normal({c.w[0]}, 4), 0.2f), y) <
          most);
    CHECK(error(ConvDirection::backward_data, c, dy, w, {}, y) < most);
    CHECK(error(ConvDirection::backward_data, c, dy, w, LeakyMask{x, 0.2f}, y) < most);
    CHECK(error(ConvDirection::backward_data, c, dy, w, ConvEpilogue::bias_activation(cpu_normal({c.w[3]}, 5), 0.2f),
                y) < most);
  }
  CHECK(seen > 5);
}

}  // namespace ebm::cpu
