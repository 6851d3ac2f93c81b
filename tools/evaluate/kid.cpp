#include "tools/evaluate/kid.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/check.h"
#include "kernels/linear.h"

namespace ebm {
namespace {

double kernel(double dot, double d) {
  const double base = dot / d + 1;
  return base * base * base;
}

// Σ_ij k(a_i, b_j) over a, b (m, d); without i = j where `off_diagonal`.
double kernel_sum(const float* a, const float* b, int64_t m, int64_t d, bool off_diagonal, std::vector<float>& dots) {
  dots.resize(static_cast<size_t>(m * m));  // (m, m)
  cpu::gemm(false, true, m, m, d, a, b, 0.0f, dots.data());
  double sum = 0;
  for (int64_t i = 0; i < m; ++i) {
    const float* row = dots.data() + i * m;
    double row_sum = 0;
#pragma omp simd reduction(+ : row_sum)
    for (int64_t j = 0; j < m; ++j) row_sum += kernel(row[j], static_cast<double>(d));
    sum += row_sum - (off_diagonal ? kernel(row[i], static_cast<double>(d)) : 0.0);
  }
  return sum;
}

}  // namespace

KernelDistance kernel_distance(std::span<const float> x, std::span<const float> y, int64_t d, int64_t subset_size) {
  const int64_t n = static_cast<int64_t>(std::min(x.size(), y.size())) / d;
  EBM_CHECK(n >= 4, "kernel_distance", std::to_string(n) + " vectors", "at least 4");
  // eight of them or more, where there are as many: their spread is the error
  const int64_t m = std::min(subset_size, std::max<int64_t>(2, n / 8)), subsets = n / m;
  std::vector<float> dots;
  double sum = 0, sum_squares = 0;
  for (int64_t s = 0; s < subsets; ++s) {
    const float *a = x.data() + s * m * d, *b = y.data() + s * m * d;
    const double pairs = static_cast<double>(m) * static_cast<double>(m - 1);
    const double value = (kernel_sum(a, a, m, d, true, dots) + kernel_sum(b, b, m, d, true, dots)) / pairs -
                         2 * kernel_sum(a, b, m, d, false, dots) / static_cast<double>(m * m);
    sum += value;
    sum_squares += value * value;
  }
  const double k = static_cast<double>(subsets), mean = sum / k;
  const double variance = std::max(0.0, sum_squares - k * mean * mean) / (k - 1);
  return {mean, std::sqrt(variance / k), subsets, m};
}

}  // namespace ebm
