// Ancestral Langevin sampling, docs/method.md: l steps on U_θ from a given start.
#pragma once

#include "core/random.h"
#include "kernels/chain/langevin.h"
#include "models/energy.h"
#include "train/chains/chain_settings.h"
#include "train/chains/potential.h"

namespace ebm {

// How a chain's maps are stored on this device in the present mode: as bf16 in that mode, but on a processor that
// multiplies no bf16, which rounds the operands of fp32 maps.
ElementType chain_maps(Device device);

// Runs num_steps steps of all chains in place: x (N,H,W,C). Noise is drawn from (key, step t, global chain
// first_chain + i), so that any split of the chains over calls or ranks gives the same samples.
// Steps count from first_step: a chain may be run in parts, and is the same bit for bit however it is cut.
// Runs in chain_precision() (core/precision.h): in bf16 the maps between the layers and their gradients are stored as
// bf16 (chain_maps), which halves a step's traffic; x, noise and update are fp32.
// c: what the energy is given beside x (N,H,W,condition), the same all through the chain; undefined: nothing.
// *grad_sq, where it is asked for, becomes Σ (∂U/∂x)² (1) over all chains at the last step; it is left alone
// if there is no step.
void langevin_chain(const EnergyNet& energy, Tensor& x, int64_t num_steps, const LangevinStep& step,
                    const RandomKey& key, int64_t first_chain = 0, int64_t first_step = 0, Tensor* grad_sq = nullptr,
                    const Tensor& c = {});

// The same on any potential, x (N, …) in place, with a step for each chain (or one for all: same_step). *last, where it
// is asked for, becomes U and ∂U/∂x at the last step's beginning.
void langevin_chain(const Potential& u, Tensor& x, int64_t num_steps, const LangevinRows& step, const RandomKey& key,
                    int64_t first_chain = 0, int64_t first_step = 0, PotentialValue* last = nullptr);

// n chains of this drift and noise.
LangevinRows same_step(int64_t n, float drift, float noise, Device device);

}  // namespace ebm
