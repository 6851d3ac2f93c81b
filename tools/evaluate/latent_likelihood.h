// Log-likelihood of images under a model with a latent z, p(x) = ∫ p(x|z)·p(z) dz with p(z) ∝ exp(−U(z)) and
// p(x|z) = N(g(z), σ²·I): annealed importance sampling for each image to exp(−V(z|x)), V as Abilities::posterior, from a
// Gaussian as wide as V is curved, around the lowest z that descents from 0 and from draws of N(0, I) find, one for each
// chain: V has several valleys; and from N(0, I) to exp(−U(z)) once.
//   log p(x) = log ∫ exp(−V(z|x)) dz − log ∫ exp(−U(z)) dz − (D/2)·log 2πσ²
#pragma once

#include <span>

#include "tools/evaluate/annealed_importance.h"
#include "train/abilities.h"

namespace ebm {

struct LatentLikelihood {
  // log ∫ exp(−U(z))·N(z; 0, I)-normalised, both ways: log E[exp(f(z))], z ~ N(0, I). 0 of a model whose prior is N(0, I).
  double log_z_forward = 0, log_z_reverse = 0;
  // Means over the images, nats, and the standard error of the first over them. Forward weights make the first a lower
  // bound in expectation, as far as log_z_reverse is none too small; reverse ones begin where the forward chains ended,
  // drawn by their weights, which are no exact draws of the posterior: an indication.
  double lower = 0, upper = 0, standard_error = 0;
  double acceptance = 0;  // of the forward moves of the posterior
};

// `images` (n, H, W, C) in [-1, 1], dequantised. plan.chains: for each image; and, with plan.prior_chains, for log Z.
struct LatentLikelihoodPlan {
  AnnealingPlan annealing;
  int64_t prior_chains = 256;
  int64_t rows = 800;        // chains that are run at once
  int64_t prior_steps = 0;   // Langevin steps of the model's samples, where log Z's reverse chains begin
  bool prior_energy = true;  // the model's prior is not N(0, I) itself
};
LatentLikelihood latent_likelihood(const Abilities& model, std::span<const float> images, Device device,
                                   const LatentLikelihoodPlan& plan);

}  // namespace ebm
