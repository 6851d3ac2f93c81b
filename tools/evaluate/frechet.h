// Fréchet distance of two Gaussians: Dowson and Landau (1982); of feature statistics: Heusel et al. (2017).
#pragma once

#include "tools/evaluate/moments.h"

namespace ebm {

// ‖m_a − m_b‖² + tr(C_a + C_b − 2 (C_a^½ C_b C_a^½)^½), which is the squared distance, as scores report it.
// The matrix roots come from symmetric eigendecompositions in fp64, so singular covariances are no trouble.
// Throws Error when the dimensions differ or a covariance has a clearly negative eigenvalue.
double frechet_distance(const Gaussian& a, const Gaussian& b);

// The first of the two, for distances to several others: its matrix root is computed once.
class FrechetReference {
 public:
  explicit FrechetReference(Gaussian a);
  double distance(const Gaussian& b) const;

 private:
  Gaussian a_;
  std::vector<double> root_;  // (d, d): C_a^½
};

}  // namespace ebm
