#include "kernels/linear.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/precision.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const Tensor& a, const Tensor& b, float beta, Tensor& c) {
  const Device device = c.device();
  if (device.is_cuda())
    cuda::gemm(device, ta, tb, m, n, k, a.data(), b.data(), beta, c.mutable_data());
  else
    cpu::gemm(ta, tb, m, n, k, a.data(), b.data(), beta, c.mutable_data());
}

struct Extents {
  int64_t m, n, k;
};

}  // namespace

TEST_CASE("gemm agrees with double for every transpose, and for vectors") {
  const std::vector<Extents> cases = {{1, 1, 1},   {5, 7, 3},    {64, 32, 100}, {33, 1, 2000}, {1, 33, 2000},
                                      {40, 50, 1}, {1, 1, 5000}, {1, 700, 40},  {700, 1, 40},  {3, 200, 257}};
  for (const auto& [m, n, k] : cases) {
    for (int mode = 0; mode < 8; ++mode) {
      const bool ta = mode & 1, tb = mode & 2;
      const float beta = mode & 4 ? 0.5f : 0.0f;
      CAPTURE(m);
      CAPTURE(n);
      CAPTURE(k);
      CAPTURE(mode);
      const Tensor a = normal({m, k}, 1), b = normal({k, n}, 2);  // or their transposes: the same size
      const std::vector<float> unread(m * n, NAN);
      const Tensor start = beta != 0 ? normal({m, n}, 3) : Tensor::from_host(unread, {m, n}, test_device());
      Tensor c = start.clone();
      gemm(ta, tb, m, n, k, a, b, beta, c);
      const auto va = a.to_host(), vb = b.to_host(), before = start.to_host(), got = c.to_host();
      double worst = 0;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double expected = beta != 0 ? beta * before[i * n + j] : 0.0;
          for (int64_t l = 0; l < k; ++l)
            expected += static_cast<double>(va[ta ? l * m + i : i * k + l]) * vb[tb ? j * k + l : l * n + j];
          worst = std::max(worst, std::abs(got[i * n + j] - expected));
        }
      }
      CHECK(worst < 5e-6 * (std::sqrt(k) + 1));  // also false for NaN, which beta = 0 must not read
    }
  }
}

TEST_CASE("every mode has a product for odd sizes and for factors that begin anywhere") {
  for (const auto& [mode, tolerance] :
       {std::pair{Precision::fp32, 2e-6}, std::pair{Precision::tf32, 2e-3}, std::pair{Precision::bf16, 2e-2}}) {
    for (const auto& [m, n, k] : std::vector<Extents>{{8, 16, 32}, {7, 5, 33}, {1, 1, 1}}) {
      for (const int64_t offset : {0, 1, 2, 3}) {
        CAPTURE(name(mode));
        CAPTURE(m);
        CAPTURE(offset);
        const PrecisionScope scope(mode);
        const Tensor a = normal({offset + m * k}, 1).view(offset, {m, k}), b = normal({k, n}, 2);
        Tensor c = Tensor::empty({m, n}, test_device());
        for (int again = 0; again < 2; ++again) gemm(false, false, m, n, k, a, b, 0, c);
        const auto va = a.to_host(), vb = b.to_host();
        std::vector<double> expected(m * n);
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j)
            for (int64_t l = 0; l < k; ++l) expected[i * n + j] += static_cast<double>(va[i * k + l]) * vb[l * n + j];
        // bf16 rounds a factor by at most 2^-9, tf32 by 2^-12; on a GPU it may also be fp32
        CHECK(relative_error(c.to_host(), expected) < tolerance);
      }
    }
  }
}

TEST_CASE("a product of operands stored as bf16 agrees with double") {
  const int64_t n = 64;
  std::vector<float> a(n * n), b(n * n);
  for (int64_t i = 0; i < n * n; ++i) {  // of 3 bits, exact in bf16
    a[i] = static_cast<float>(i * 7 % 15 - 7) / 4;
    b[i] = static_cast<float>(i * 11 % 13 - 6) / 8;
  }
  const auto stored = [&](const std::vector<float>& values) {  // two in an element, the first in the lower half
    std::vector<float> pairs(values.size() / 2);
    for (size_t i = 0; i < pairs.size(); ++i)
      pairs[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(values[2 * i]) >> 16 |
                                      std::bit_cast<uint32_t>(values[2 * i + 1]));
    return Tensor::from_host(pairs, {n, n / 2}, test_device());
  };
  Tensor c = Tensor::zeros({n, n}, test_device());
  if (!test_device().is_cuda()) {
    if (cuda_device_count() > 0) return;
    const Device absent{DeviceType::cuda, 0};
    CHECK_THROWS_AS(cuda::product_of_bf16(absent, n, nullptr, nullptr, nullptr), Error);
    return;
  }
  cuda::product_of_bf16(test_device(), n, stored(a).data(), stored(b).data(), c.mutable_data());
  const std::vector<float> got = c.to_host();
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double expected = 0;
      for (int64_t l = 0; l < n; ++l) expected += static_cast<double>(a[i * n + l]) * b[l * n + j];
      CHECK(got[i * n + j] == doctest::Approx(expected).epsilon(1e-6).scale(1));
    }
  }
}

TEST_CASE("linear and its derivatives agree with their definitions") {
  for (const auto& [n, in, out] : std::vector<Extents>{{4, 6, 5}, {100, 300, 1}, {1, 20, 30}, {3, 1, 2}}) {
    CAPTURE(n);
    CAPTURE(in);
    CAPTURE(out);
    const Tensor x = normal({n, in}, 1), w = normal({out, in}, 2), b = normal({out}, 3);
    const Tensor dy = normal({n, out}, 4);
    const auto vx = x.to_host(), vw = w.to_host(), vb = b.to_host(), vdy = dy.to_host();
    const auto y = linear(x, w, b).to_host(), plain = linear(x, w, {}).to_host();
    const auto dx = linear_backward_data(dy, w).to_host(), dw = linear_backward_weight(x, dy).to_host();
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t o = 0; o < out; ++o) {
        double expected = 0;
        for (int64_t j = 0; j < in; ++j) expected += static_cast<double>(vx[i * in + j]) * vw[o * in + j];
        CHECK(plain[i * out + o] == doctest::Approx(expected).epsilon(1e-5).scale(10));
        CHECK(y[i * out + o] == doctest::Approx(expected + vb[o]).epsilon(1e-5).scale(10));
      }
      for (int64_t j = 0; j < in; ++j) {
        double expected = 0;
        for (int64_t o = 0; o < out; ++o) expected += static_cast<double>(vdy[i * out + o]) * vw[o * in + j];
        CHECK(dx[i * in + j] == doctest::Approx(expected).epsilon(1e-5).scale(10));
      }
    }
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t j = 0; j < in; ++j) {
        double expected = 0;
        for (int64_t i = 0; i < n; ++i) expected += static_cast<double>(vdy[i * out + o]) * vx[i * in + j];
        CHECK(dw[o * in + j] == doctest::Approx(expected).epsilon(1e-5).scale(10));
      }
    }
  }
}

TEST_CASE("a large energy keeps its digits") {
  // terms of one sign, the sum near 1e6; the CPU adds them in double, cuBLASLt in float
  const double tolerance = test_device().is_cuda() ? 3e-5 : 1e-7;
  const int64_t size = 12544;
  const Tensor x = Tensor::from_host(std::vector<float>(2 * size, 80.1f), {2, size}, test_device());
  const Tensor w = Tensor::from_host(std::vector<float>(size, 1.3f), {1, size}, test_device());
  const double expected = static_cast<double>(80.1f) * 1.3f * size;
  for (float y : linear(x, w, {}).to_host()) CHECK(std::abs(y - expected) < tolerance * expected);
}

TEST_CASE("linear refuses shapes that do not fit") {
  CHECK_THROWS_AS(linear(normal({2, 3}, 1), normal({4, 5}, 2), {}), Error);
  CHECK_THROWS_AS(linear(normal({2, 3}, 1), normal({4, 3}, 2), normal({3}, 3)), Error);
  CHECK_THROWS_AS(linear(normal({2, 3, 1}, 1), normal({4, 3}, 2), {}), Error);
  CHECK_THROWS_AS(linear_backward_data(normal({2, 3}, 1), normal({4, 5}, 2)), Error);
  CHECK_THROWS_AS(linear_backward_weight(normal({2, 3}, 1), normal({3, 5}, 2)), Error);
}

}  // namespace ebm
