// Nearest images in pixel distance: does a generator repeat its training set?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/files/image_set.h"

namespace ebm {

struct Neighbours {
  int64_t k = 0;
  std::vector<int64_t> index;    // (N, k) into the references, nearest first
  std::vector<double> distance;  // (N, k), ‖a − b‖ of pixels in [-1, 1]

  std::vector<double> nearest_distances() const;  // (N)
};

// The k references nearest to each of the queries (N,H,W,C) in [-1, 1], by matrix products on the CPU: of two
// references whose distances agree to 1e-3 either may come first. The distances themselves are computed in
// double precision. Throws Error unless the sizes agree, 1 <= k <= references and no query is NaN.
Neighbours nearest_images(std::span<const float> queries, const ImageSet& references, int64_t k);

// The value below which that share of the values lies, between two of them by linear interpolation. Error if
// there are none.
double quantile(std::vector<double> values, double share);

}  // namespace ebm
