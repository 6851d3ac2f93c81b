// What methods that teach by Langevin chains in x have in common, with a condition or without.
#pragma once

#include <initializer_list>

#include "train/learner.h"
#include "train/method.h"
#include "train/methods/teaching_settings.h"
#include "train/shown.h"

namespace ebm {

// What an iteration shows, beside gradient norms and rates. On data and on revised samples, both with the image noise
// that the energy's loss sees them with:
struct TeachingShown {
  Quantity f_data, f_samples;              // mean f = −U up to the reference
  Quantity squared_data, squared_samples;  // Σ x²
  Quantity energy_loss;                    // with the penalty energy_l2
  Quantity reconstruction, kl;             // mean ‖x̃ − g(z̃)‖², mean KL( π_β(z|x̃) ‖ N(0, I) )
  Quantity own_error, pair;                // mean ‖x̃ − g(ẑ)‖², mean −log π_β(ẑ|x̃): where ẑ teaches
  Quantity squared_grad_x;                 // Σ (∂U/∂x)² over all chains, at the last step
  Quantity squared_revision;               // Σ (x̃ − x̂)²

  LangevinStep step;  // of the chains
  float batch = 1, chains = 1;
  int64_t pixels = 1;

  void describe(ShownVisitor& v, bool has_own);  // has_own: of the method that ẑ may teach
};

// What all of them tell of themselves.
class TaughtByChains : public Method {
 public:
  std::vector<const char*> phases() const override { return {"ancestral", "langevin", "vae", "energy", "adam"}; }
  std::string signs() const override {
    return "f = -U up to the reference; energy_gap = mean f(data) - mean f(samples), both with the image noise "
           "of the energy's loss; grad_x = |dU/dx|";
  }
  std::string lowered(double slowed) const override;
  std::string advice() const override { return "a lower --energy-lr"; }

 protected:
  // A step of Adam for each, after all gradients are begun: none depends on another's step.
  static void end_updates(Iteration& it, std::initializer_list<LearnerBase*> learners);
};

OptimiserSettings optimiser(const TeachingSettings& s, double lr);
OptimiserSettings energy_optimiser(const TeachingSettings& s);

// x + stddev · noise, x being rows first_row, first_row + 1, … of all ranks'.
Tensor with_noise(const Tensor& x, Scalar stddev, const RandomKey& key, int64_t first_row);
// Σ (a − b)² as (1).
Tensor squared_distance(const Tensor& a, const Tensor& b);

// This rank's part of the energy's loss, mean f(x̃) − mean f(x) with its penalty (1), of f of data (batch) and of revised samples
// (`chains` on all ranks), −U up to the reference, which does not depend on θ. Shows all three.
Var energy_loss(const TeachingSettings& s, const Var& f_data, const Var& f_samples, int64_t chains,
                TeachingShown& shown);

}  // namespace ebm
