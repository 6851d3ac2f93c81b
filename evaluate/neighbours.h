// Scores from nearest neighbours in feature space: how plausible samples are, and how much of the data they
// cover.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ebm {

// Improved precision and recall, Kynkäänniemi et al. (2019), with the k-th neighbour, k = 3; density and
// coverage, Naeem et al. (2020), k = 5.
struct NeighbourScores {
  static constexpr int kPrecisionNeighbours = 3, kDensityNeighbours = 5;

  double precision = 0;  // share of samples in the ball of some reference image
  double recall = 0;     // share of reference images in the ball of some sample
  double density = 0;    // mean number of reference balls that hold a sample, over k; may exceed 1
  double coverage = 0;   // share of reference balls that hold a sample
};

// A ball reaches to the k-th nearest other vector of its own set, border included. reference (n, d),
// samples (m, d). Throws Error when a set has no k-th neighbour. Distances are fp32, from blocked matrix
// products: n·m of them are never held at once.
NeighbourScores neighbour_scores(std::span<const float> reference, std::span<const float> samples,
                                 int64_t dimension);

// Squared distance from each row to its k-th nearest other row. rows (n, d) -> (n).
std::vector<float> neighbour_radii(std::span<const float> rows, int64_t dimension, int k);

}  // namespace ebm
