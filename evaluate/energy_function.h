// Energies that the samplers of this folder take: a trained network's, or a test's with a known answer.
#pragma once

#include <functional>
#include <span>

#include "train/trainer.h"

namespace ebm {

struct EnergyValue {
  Tensor u;         // U(x), (N)
  Tensor gradient;  // ∂U/∂x, (N, …) as x
};

// x (N, …) -> U and ∂U/∂x of each row. A chain is a row; rows do not depend on each other.
using EnergyFunction = std::function<EnergyValue(const Tensor& x)>;

// Chains with the energy where they are, so that a step need not compute it again.
struct ChainState {
  Tensor x;  // (N, …)
  EnergyValue energy;
};

// The state at x. Throws Error where U is not finite, naming the chain: nothing can be said of such an
// energy.
ChainState chain_state(const EnergyFunction& energy, const Tensor& x);
// The same check of energies on the host.
void check_energies(std::span<const float> u);

// The energy that a differentiable expression describes: u maps x (N, …) to U (N), each row by itself.
EnergyFunction differentiable_energy(std::function<Var(const Var&)> u);

// U_θ of a trained model, the Gaussian reference included, with its parameters' moving averages where they
// are kept. The trainer must outlive the function, and its parameters stay as they are.
EnergyFunction network_energy(Trainer& trainer);

}  // namespace ebm
