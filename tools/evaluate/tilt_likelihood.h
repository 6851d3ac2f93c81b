// Likelihood under p(x) = e^{f(x)} q(x)/Z, a density q that f tilts, where q is that of x = g(z), z ~ N(0, I):
// log Z = log E_q e^f = log ∫ e^{f(g(z))} N(z; 0, I) dz, by annealed importance sampling in z, both ways.
#pragma once

#include <span>
#include <vector>

#include "tools/evaluate/annealed_importance.h"
#include "train/abilities.h"

namespace ebm {

// log ∫ exp(−U(z)) dz of a model whose chains run in z, less that of exp(−‖z‖²/2): forward from N(0, I), reverse from chains
// of `moves` steps, which are no exact draws.
struct LatentNormaliser {
  AnnealingEstimate forward, reverse;  // their log Z without the Gaussian's
  Tensor samples;                      // (chains, d), where the reverse ones began
};
LatentNormaliser latent_normaliser(const Abilities& model, const AnnealingPlan& plan, int64_t moves, Device device);

struct TiltPlan {
  AnnealingPlan annealing;
  int64_t draws = 2000;  // of q, for plain importance sampling
  int64_t moves = 0;     // of the chains at which reverse annealing begins
};

struct TiltLikelihood {
  LatentNormaliser z;
  // Of the data, nats: mean log q and mean f, and the standard error of the latter over them.
  double log_q = 0, f = 0, f_error = 0;
  // By draws of q alone: log mean e^f, too small on average, and what so many weighed draws are worth.
  double importance = 0, importance_ess = 0;
  double f_samples = 0;  // mean f of the chains at which reverse annealing began

  // mean log p − mean log q. Too small a Z makes it too large: an upper bound in expectation …
  double gain_optimistic() const { return f - z.forward.combined; }
  // … and a lower one, if reverse annealing began at draws of p.
  double gain_pessimistic() const { return f - z.reverse.combined; }
  // KL(p‖q) = E_p f − log Z: how far f tilts.
  double tilt() const { return f_samples - z.reverse.combined; }
};
// `data` (n, H, W, C): images that q and f are asked for as they are. Throws Error where an f is not finite.
TiltLikelihood tilt_likelihood(const Abilities& model, std::span<const float> data, Device device,
                               const TiltPlan& plan);

// q and p of points in the plane, and what a known density of the data says of them, summed over edge² cells of
// [-reach, reach]²: exact, as far as they are small and nothing lies outside.
struct PlaneLikelihood {
  double mass = 0;            // ∫ q
  double log_z = 0;           // log ∫ e^f q
  double kl_q = 0, kl_p = 0;  // KL(data‖q), KL(data‖p)
};
PlaneLikelihood plane_likelihood(const Abilities& model, double (*density)(double x, double y), double reach,
                                 int64_t edge, Device device);

}  // namespace ebm
