// Kernel distance of features, squared MMD with a polynomial kernel: Bińkowski et al. (2018), KID.
#pragma once

#include <cstdint>
#include <span>

namespace ebm {

struct KernelDistance {
  double value = 0;  // unbiased, so it may be below 0
  double standard_error = 0;
  int64_t subsets = 0, subset_size = 0;
};

// x, y (n, d), rows in random order: MMD² under k(a, b) = (a·b/d + 1)³.
// Eight subsets of subset_size rows or more: both are cut into disjoint subsets; the value is the mean of their unbiased estimates,
// the error that of the mean (subsets drawn with replacement understate it). Fewer rows: one unbiased estimate from all
// pairs, its error by the jackknife over eight blocks. Between equal distributions an estimate is skewed, often a little below 0 and
// seldom far above, so that a mean of few subsets comes out several of its errors below 0 too often; all pairs scatter about a third as much.
// Throws Error for fewer than four rows.
KernelDistance kernel_distance(std::span<const float> x, std::span<const float> y, int64_t dimension,
                               int64_t subset_size = 1000);

}  // namespace ebm
