// One Langevin step, fused: reference term, drift, noise and clamp in one pass over x.
//   x ← x − drift · (x/σ_ref² − ∂f/∂x) + noise · ξ,   ξ ~ N(0, I)            docs/method.md (6)
// with U(x) = ‖x‖²/(2σ_ref²) − f(x). The paper's step has drift = δ²/2 and noise = δ.
#pragma once

#include <cmath>

#include "core/random.h"
#include "core/tensor.h"

namespace ebm {

struct LangevinStep {
  float drift = 0;             // δ²/2
  float noise = 0;             // standard deviation of the noise of one step; 0 draws none
  float inv_sigma_ref_sq = 0;  // 1/σ_ref²; 0: no reference term
  float clamp = 0;             // x is kept in [-clamp, clamp]; 0: no clamp

  // The step as kernels use it: "no clamp" is an infinite one.
  LangevinStep unclamped_as_infinite() const {
    LangevinStep s = *this;
    if (s.clamp <= 0) s.clamp = INFINITY;
    return s;
  }
};

// One element of it, the clamp infinite where there is none.
EBM_HD float langevin_update(const LangevinStep& s, float x, float df_dx, float xi) {
  const float next = x - s.drift * (x * s.inv_sigma_ref_sq - df_dx) + s.noise * xi;
  // without a branch, so that the loop vectorises; a NaN stays a NaN: the guard has to see it
  return next > s.clamp ? s.clamp : next < -s.clamp ? -s.clamp : next;
}

// In place on x (N,H,W,C), given df_dx of the same shape. Noise is drawn from (key, first_element + i),
// first_element being the global index of x's first element: chain · H·W·C.
void langevin_step(Tensor& x, const Tensor& df_dx, const LangevinStep& step, const RandomKey& key,
                   uint64_t first_element = 0);

// Chains with a step of their own each: drift and noise (N), as in LangevinStep, as chains at different levels of noise
// have them. x ← x − drift_i·∂U/∂x + noise_i·ξ in place, x and gradient (N, …).
struct LangevinRows {
  Tensor drift, noise;
};
void langevin_step_rows(Tensor& x, const Tensor& gradient, const LangevinRows& rows, const RandomKey& key,
                        uint64_t first_element = 0);

}  // namespace ebm
