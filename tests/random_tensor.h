// Tensors of random values for the tests.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/random_fill.h"
#include "tests/test_device.h"

namespace ebm {

// Normally distributed values, the same for the same seed on every device.
inline Tensor normal(const Shape& shape, uint64_t seed, float mean = 0, float stddev = 1,
                     Device device = test_device()) {
  Tensor x = Tensor::empty(shape, device);
  fill_normal(x, {seed, Stream::init}, mean, stddev);
  return x;
}

inline Tensor cpu_normal(const Shape& shape, uint64_t seed) { return normal(shape, seed, 0, 1, kCpu); }

// Largest difference of two lists of numbers relative to the largest value expected.
template <class Numbers, class Expected>
double relative_error(const Numbers& got, const Expected& expected) {
  double worst = 0, largest = 1e-30;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(got[i])) return INFINITY;
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return worst / largest;
}

}  // namespace ebm
