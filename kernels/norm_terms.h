// What batch and instance normalisation sum up, and what they make of it: terms of element i, in column c of the statistics.
#pragma once

#include <cmath>

#include "kernels/reduce_blocks.h"

namespace ebm {

// Σx and Σx². The square of a float is exact in double and its sum nearly so: E[x²] - E[x]² keeps its
// digits even where the mean is a thousand times the standard deviation, and x is read once.
struct Moments {
  const float* x;
  EBM_HD Sums<2> operator()(int64_t i, int64_t) const {
    const double value = x[i];
    return {{value, value * value}};
  }
};

struct FinishMoments {
  float *mean, *inv_std;  // (C)
  double count;           // N·H·W
  double eps;
  EBM_HD void operator()(int64_t c, const Sums<2>& sums) const {
    const double m = sums.v[0] / count;
    const double variance = sums.v[1] / count - m * m;
    mean[c] = static_cast<float>(m);
    inv_std[c] = static_cast<float>(1 / sqrt((variance > 0 ? variance : 0) + eps));
  }
};

EBM_HD float normalised(float x, float mean, float inv_std) { return (x - mean) * inv_std; }  // x̂

// dβ = Σ dy, dγ = Σ dy·x̂
struct GradientTerms {
  const float *x, *mean, *inv_std, *dy;
  EBM_HD Sums<2> operator()(int64_t i, int64_t c) const {
    return {{dy[i], static_cast<double>(dy[i]) * normalised(x[i], mean[c], inv_std[c])}};
  }
};

struct FinishGradients {
  float *dbeta, *dgamma;  // (C)
  EBM_HD void operator()(int64_t c, const Sums<2>& sums) const {
    dbeta[c] = static_cast<float>(sums.v[0]);
    dgamma[c] = static_cast<float>(sums.v[1]);
  }
};

}  // namespace ebm
