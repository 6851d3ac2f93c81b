#include "tools/evaluate/kid.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/check.h"
#include "kernels/linear.h"
#include "tools/evaluate/averages.h"

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

constexpr int64_t kSubsets = 8;  // or more: fewer do not tell their own spread

// Sums of k over the pairs of some rows of x and y, and MMD² from them.
struct Sums {
  double within = 0, across = 0;  // k(x_i, x_j) + k(y_i, y_j) for i ≠ j; k(x_i, y_j)

  void add(const Sums& s, double factor) { within += factor * s.within, across += factor * s.across; }
  double mmd2(int64_t rows) const {
    const double m = static_cast<double>(rows);
    return within / (m * (m - 1)) - 2 * across / (m * m);
  }
};

// The pairs of a row of s·m to (s + 1)·m and one of t·m to (t + 1)·m, of each set and of both, in either order.
Sums sums_of(const float* x, const float* y, int64_t s, int64_t t, int64_t m, int64_t d, std::vector<float>& dots) {
  const float *x_s = x + s * m * d, *x_t = x + t * m * d, *y_s = y + s * m * d, *y_t = y + t * m * d;
  const double within = kernel_sum(x_s, x_t, m, d, s == t, dots) + kernel_sum(y_s, y_t, m, d, s == t, dots);
  const double across = kernel_sum(x_s, y_t, m, d, false, dots);
  if (s == t) return {within, across};
  return {2 * within, across + kernel_sum(x_t, y_s, m, d, false, dots)};
}

KernelDistance of_subsets(const float* x, const float* y, int64_t n, int64_t m, int64_t d) {
  const int64_t subsets = n / m;
  std::vector<float> dots;
  std::vector<double> values;
  for (int64_t s = 0; s < subsets; ++s) values.push_back(sums_of(x, y, s, s, m, d, dots).mmd2(m));
  return {mean(values), standard_deviation(values) / std::sqrt(static_cast<double>(subsets)), subsets, m};
}

KernelDistance of_all_pairs(const float* x, const float* y, int64_t n, int64_t d) {
  const int64_t blocks = std::min(kSubsets, n), m = n / blocks, rows = blocks * m;
  std::vector<float> dots;
  std::vector<Sums> touching(static_cast<size_t>(blocks));  // pairs with a row of this block
  Sums all;
  for (int64_t s = 0; s < blocks; ++s)
    for (int64_t t = 0; t <= s; ++t) {
      const Sums pairs = sums_of(x, y, s, t, m, d, dots);
      all.add(pairs, 1);
      touching[static_cast<size_t>(s)].add(pairs, 1);
      if (t != s) touching[static_cast<size_t>(t)].add(pairs, 1);
    }
  std::vector<double> without;  // each block in turn
  for (const Sums& block : touching) {
    Sums rest = all;
    rest.add(block, -1);
    without.push_back(rest.mmd2(rows - m));
  }
  const double k = static_cast<double>(blocks);  // the jackknife's √((k − 1)/k · Σ (v − mean)²)
  return {all.mmd2(rows), (k - 1) / std::sqrt(k) * standard_deviation(without), 1, rows};
}

}  // namespace

KernelDistance kernel_distance(std::span<const float> x, std::span<const float> y, int64_t d, int64_t subset_size) {
  const int64_t n = static_cast<int64_t>(std::min(x.size(), y.size())) / d;
  EBM_CHECK(n >= 4, "kernel_distance", std::to_string(n) + " vectors", "at least 4");
  return n >= kSubsets * subset_size ? of_subsets(x.data(), y.data(), n, subset_size, d)
                                     : of_all_pairs(x.data(), y.data(), n, d);
}

}  // namespace ebm
