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
NeighbourScores neighbour_scores(std::span<const float> reference, std::span<const float> samples, int64_t dimension);

// A set of vectors as their distances are computed: relative to an origin, for |a|² + |b|² − 2ab loses digits
// where they are far from 0.
struct Points {
  Points(std::span<const float> rows, int64_t d, const std::vector<double>& origin);

  int64_t n;
  std::vector<float> values;  // (n, d)
  std::vector<float> norms;   // (n), squared
};

// The reference of several sets of samples: the radii of its balls are computed once.
class NeighbourReference {
 public:
  NeighbourReference(std::span<const float> rows, int64_t dimension);
  NeighbourScores scores(std::span<const float> samples) const;

 private:
  int64_t d_;
  std::vector<double> origin_;  // (d)
  Points real_;
  std::vector<float> precision_radii_, density_radii_;  // (n), squared
};

}  // namespace ebm
