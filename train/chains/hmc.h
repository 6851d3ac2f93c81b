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
  // ε where it lies in the device's memory and adapts: hmc_chain reads it there, and step_size is not looked at.
  Scalar adapting{};
};

// The MALA step of a Langevin step's drift and noise: ε = noise, T = noise²/(2·drift), its clamp as walls.
// (The clamp itself puts mass on the walls; a reflection keeps exp(−U/T) within them exact.)
HmcStep mala_step(const LangevinStep& step);

// Where each chain would go and the probability that it is accepted. A proposal whose energy is not finite
// is a trajectory that diverged: probability 0.
struct HmcProposal {
  ChainState state;
  std::vector<double> acceptance;  // (N), min(1, exp(−ΔH))
};
HmcProposal hmc_propose(const Potential& energy, const ChainState& from, const HmcStep& step, const RandomKey& key);

// Proposes and accepts, in place. Momenta are drawn from (key, element), the decisions from (key with
// Stream::acceptance, chain). Returns the mean acceptance probability of the chains. exp(−U/T) stays
// invariant exactly, up to fp32 rounding of U: |U|·1e-7/T should be small.
double hmc_move(const Potential& energy, ChainState& state, const HmcStep& step, const RandomKey& key);

// The same for num_moves moves, with the decisions made on the device: nothing waits, and it may be recorded in a Graph.
// x (N, …) in place: chains first_chain, first_chain + 1, … of all ranks'; move i draws from (key, step first_move + i). Returns each chain's mean acceptance probability (N).
Tensor hmc_chain(const Potential& energy, Tensor& x, int64_t num_moves, const HmcStep& step, const RandomKey& key,
                 int64_t first_move = 0, int64_t first_chain = 0);

}  // namespace ebm
