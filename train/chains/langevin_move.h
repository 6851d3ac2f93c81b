// Langevin dynamics on any energy, as training runs it: unadjusted, every proposal is taken.
#pragma once

#include "core/random.h"
#include "kernels/chain/langevin.h"
#include "train/chains/potential.h"

namespace ebm {

// The temperature that a step's drift and noise belong to. Langevin dynamics with step δ on an energy E is
//   x ← x − (δ²/2) ∂E/∂x + δ·ξ,
// and its distribution tends to exp(−E)/Z as δ → 0. A step x ← x − a ∂U/∂x + s·ξ is that with δ = s and
// E = U·2a/s²: it samples exp(−U/T) with T = s²/(2a). The paper's step has a = δ²/2 and s = δ, so T = 1.
// Throws Error without drift or without noise: gradient descent has no temperature.
double langevin_temperature(const LangevinStep& step);

// One step of all chains in place, kernels/chain/langevin.h with the energy's whole gradient: the step's own
// inv_sigma_ref_sq is not used. Noise is drawn from (key, global chain first_chain + i). Throws Error where U
// is not finite any more.
void langevin_move(const Potential& energy, ChainState& state, const LangevinStep& step, const RandomKey& key,
                   int64_t first_chain = 0);

}  // namespace ebm
