// Hamiltonian Monte Carlo (Neal, "MCMC using Hamiltonian dynamics", 2011) on exp(−U/T), and with it the
// Metropolis-adjusted Langevin algorithm (MALA; Roberts and Tweedie, Bernoulli 2, 1996): one leapfrog step
// from a fresh momentum p ~ N(0, I),
//   p ← p − (ε/2) ∂U/∂x / T,   x ← x + ε p,   p ← p − (ε/2) ∂U/∂x / T,
// moves x by −(ε²/2T) ∂U/∂x + ε p, and that is a Langevin step of noise s = ε and drift a = ε²/(2T).
// Accepting with min(1, exp(−ΔH)), H = U/T + ‖p‖²/2, is the Metropolis-Hastings rule of its Gaussian
// proposal:
//   −ΔH = −[ΔU − (x' − x)·(g + g')/2 + (a/4)(‖g'‖² − ‖g‖²)] / T,   g = ∂U/∂x at x, g' at x'.
#pragma once

#include "core/random.h"
#include "core/scalar.h"
#include "kernels/chain/langevin.h"
#include "train/chains/potential.h"

namespace ebm {

struct HmcStep {
  double step_size = 0;        // ε
  int64_t leapfrog_steps = 1;  // 1: MALA
  double temperature = 1;      // T
  // Where the target lives: [-bound, bound] in each coordinate, walls reflecting; 0: everywhere.
  double bound = 0;
  // ε where it lies in the device's memory and adapts: it is read there, and step_size is not looked at.
  Scalar adapting{};
  // Each n-th move proposes a draw of N(0, I), whatever the chain's state, and is accepted with
  // min(1, exp(−ΔU/T + Δ‖x‖²/2)): where U is near ‖x‖²/2 it leaps from one valley to any other. 0: none does.
  int64_t independent_every = 0;
  // false: every trajectory is taken, so that one leapfrog step is a Langevin step; what exp(−U/T) is left out by is the price.
  bool adjusted = true;
};

// The MALA step of a Langevin step's drift and noise: ε = noise, T = noise²/(2·drift), its clamp as walls.
// (The clamp itself puts mass on the walls; a reflection keeps exp(−U/T) within them exact.)
HmcStep mala_step(const LangevinStep& step);

// num_moves moves of the chains in place, with the decisions made on the device: nothing waits, and it may be recorded in a
// Graph. Chains first_chain, first_chain + 1, … of all ranks'; move i draws momenta from (key with step first_move + i, element)
// and decides by (that with Stream::acceptance, chain). Returns each chain's mean acceptance probability (N); that of a
// trajectory that diverged is 0. exp(−U/T) stays invariant exactly, up to fp32 rounding of U: |U|·1e-7/T should be small.
Tensor hmc_chain(const Potential& energy, ChainState& state, int64_t num_moves, const HmcStep& step,
                 const RandomKey& key, int64_t first_move = 0, int64_t first_chain = 0);
// From x (N, …), in place.
Tensor hmc_chain(const Potential& energy, Tensor& x, int64_t num_moves, const HmcStep& step, const RandomKey& key,
                 int64_t first_move = 0, int64_t first_chain = 0);

// One move, of key.step. Returns the mean acceptance probability of the chains: waits for the device.
double hmc_move(const Potential& energy, ChainState& state, const HmcStep& step, const RandomKey& key);

}  // namespace ebm
