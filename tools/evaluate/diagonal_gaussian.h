// A normalised base distribution for annealing: independent Gaussians, cut off at walls where there are any.
#pragma once

#include "core/random.h"
#include "train/chains/potential.h"

namespace ebm {

class DiagonalGaussian {
 public:
  // Of rows of `row` (H, W, C or any shape); mean and sd hold a number for each element. bound > 0: x lives in [-bound,
  // bound]; an sd may then be infinite, which makes that element uniform. Throws Error for an sd that is not above 0,
  // or infinite without walls.
  DiagonalGaussian(const Shape& row, std::vector<double> mean, std::vector<double> sd, double bound, Device device);

  double bound() const { return bound_; }
  double log_z() const;                                  // log ∫ exp(−U_0)
  double log_density(std::span<const float> x) const;    // of one row
  Tensor sample(int64_t n, const RandomKey& key) const;  // exact draws, (n, row)
  Potential energy() const;                              // U_0(x) = Σ (x − mean)²/(2 sd²)

 private:
  double log_z(size_t i) const;  // of one element

  Shape row_;
  std::vector<double> mean_, sd_;
  double bound_;
  Device device_;
};

// One Gaussian for each pixel with the mean and standard deviation of images (N, row), the latter at least
// least_sd: a pixel that is black in all of them would leave no room.
DiagonalGaussian fit_gaussian(std::span<const float> images, const Shape& row, double least_sd, double bound,
                              Device device);

}  // namespace ebm
