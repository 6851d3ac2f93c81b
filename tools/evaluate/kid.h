// Kernel distance of features, squared MMD with a polynomial kernel: Bińkowski et al. (2018), KID.
#pragma once

#include <cstdint>
#include <span>

namespace ebm {

struct KernelDistance {
  double value = 0;           // mean over the subsets; unbiased, so it may be below 0
  double standard_error = 0;  // of that mean
  int64_t subsets = 0, subset_size = 0;
};

// x, y (n, d), rows in random order. Both are cut into disjoint subsets of at most subset_size rows, eight
// at least where that leaves them two rows each; each gives the unbiased estimate of MMD² under k(a, b) = (a·b/d + 1)³. Disjoint subsets are
// independent, so the standard error is the honest one (subsets drawn with replacement understate it).
// Throws Error for fewer than four rows.
KernelDistance kernel_distance(std::span<const float> x, std::span<const float> y, int64_t dimension,
                               int64_t subset_size = 1000);

}  // namespace ebm
