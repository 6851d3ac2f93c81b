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
  template <class F>
  requires std::convertible_to<F, Function> Potential(F both) : both_(std::move(both)) {}

  PotentialValue operator()(const Tensor& x) const { return both_(x); }

 private:
  Function both_;
};

// What a differentiable expression describes: u maps x (N, …) to U (N), each row by itself. The expression must own, or
// outlive, what it is made of.
Potential potential(std::function<Var(const Var&)> u);

// The same, whatever the mode, in the arithmetic that U is reported in.
Potential as_reported(Potential u);

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

}  // namespace ebm
