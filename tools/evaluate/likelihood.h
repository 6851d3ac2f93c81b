// Log-likelihood of images under exp(−U/T)/Z, Z by annealed importance sampling.
#pragma once

#include <span>
#include <vector>

#include "tools/evaluate/annealed_importance.h"

namespace ebm {

struct Likelihood {
  double temperature = 1;
  double mean_u = 0;          // of the images, in units of T: mean U/T
  AnnealingEstimate forward;  // its log Z is too small on average
  AnnealingEstimate reverse;  // too large on average, if its start was drawn from the model
  double path_length = 0;     // AnnealingSchedule::length

  // Mean log-likelihood of an image, nats, of a density over x. Too small a Z makes it too large: this one is
  // an upper bound in expectation …
  double optimistic() const { return -mean_u - forward.combined; }
  // … and this one a lower bound, if the reverse chains' start was drawn from the model.
  double pessimistic() const { return -mean_u - reverse.combined; }
};

// `u`: the images' energies. `reverse_start` (N, …): as near to draws of exp(−U/T)/Z as there are.
Likelihood likelihood(const Potential& energy, std::span<const float> u, double temperature,
                      const DiagonalGaussian& base, const Tensor& reverse_start, const AnnealingPlan& plan);

// The width of one of the 256 grey levels in [-1, 1] where 0 is −1 and 255 is 1.
inline constexpr double kGreyLevel = 2.0 / 255;

// Bits for each of `dimensions` values at the resolution of grey levels, from the log-likelihood (nats) of a
// density: −(nats/dimensions + log kGreyLevel)/log 2. 8 is what a uniform choice among 256 levels takes.
double bits_per_dimension(double nats, int64_t dimensions);

// Adds to images (N, …) uniform noise within the cell of their grey level: the mean log-density of these, with the log
// of the cells' widths, is a lower bound of the log-probability of the 8-bit image (Theis, van den Oord, Bethge, 2016).
// Walls at ±bound (0: none) that are nearer than 1 + kGreyLevel/2 cut the cells of the outermost levels. Returns the log
// of what is left of the cells, summed over all values: what is to be added to log-densities before bits_per_dimension.
// Throws Error for walls within ±1: images would lie outside.
double dequantise(std::span<float> images, double bound, uint64_t seed);

}  // namespace ebm
