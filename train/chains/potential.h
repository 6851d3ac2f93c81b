// U(x), the energy that chains run on: low = plausible, exp(−U)/Z is the density. Training and evaluation use the same.
#pragma once

#include <functional>
#include <span>

#include "autograd/tape.h"
#include "core/random.h"
#include "kernels/chain/langevin.h"

namespace ebm {

struct PotentialValue {
  Tensor u;         // U(x), (N)
  Tensor gradient;  // ∂U/∂x (N, …) as x
};

// A function of x (N, …), each row by itself: a chain is a row. A value: copies are the same potential.
class Potential {
 public:
  // U and ∂U/∂x of each row.
  using Function = std::function<PotentialValue(const Tensor& x)>;
  // ∂U/∂x alone, where that is cheaper.
  using Gradient = std::function<Tensor(const Tensor& x)>;
  template <class F>
  requires std::convertible_to<F, Function> Potential(F both) : both_(std::move(both)) {}
  Potential(Function both, Gradient gradient) : both_(std::move(both)), gradient_(std::move(gradient)) {}

  PotentialValue operator()(const Tensor& x) const { return both_(x); }
  Tensor gradient(const Tensor& x) const { return gradient_ ? gradient_(x) : both_(x).gradient; }

 private:
  Function both_;
  Gradient gradient_;
};

// What a differentiable expression describes: u maps x (N, …) to U (N), each row by itself. The expression must own, or
// outlive, what it is made of.
Potential potential(std::function<Var(const Var&)> u);

// Chains with the potential where they are, so that a step need not compute it again.
struct ChainState {
  Tensor x;  // (N, …)
  PotentialValue energy;
};

// The state at x. Throws Error where U is not finite, naming the chain: nothing can be said of such an energy.
ChainState chain_state(const Potential& energy, const Tensor& x);
// The same check of energies on the host.
void check_energies(std::span<const float> u);

// x ← x − drift·∂U/∂x + noise·ξ in place, given the gradient (N, …); the step's own inv_sigma_ref_sq is not used. Noise is
// drawn from (key, first_element + i).
void langevin_step_on(Tensor& x, const Tensor& gradient, const LangevinStep& step, const RandomKey& key,
                      uint64_t first_element = 0);

// num_steps Langevin steps of all chains in place, x (N, …). Steps count from first_step, noise is drawn from (key, step,
// global chain first_chain + i): any split of the chains over calls or ranks gives the same. Waits for nothing.
// *grad_sq, where it is asked for, becomes Σ (∂U/∂x)² (1) over all chains at the last step; it is left alone if there is
// no step.
void langevin_chain(const Potential& energy, Tensor& x, int64_t num_steps, const LangevinStep& step,
                    const RandomKey& key, int64_t first_chain = 0, int64_t first_step = 0, Tensor* grad_sq = nullptr);

}  // namespace ebm
