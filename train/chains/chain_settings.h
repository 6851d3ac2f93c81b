// How the Langevin chains of a method run, as a group of settings.
#pragma once

#include "kernels/chain/langevin.h"
#include "train/settings.h"

namespace ebm {

// The defaults are the laptop profile's.
struct ChainSettings {
  int64_t steps = 20;         // l
  int64_t sample_steps = 0;   // of samples that are drawn to be looked at or scored; 0: steps
  double drift = 1.0;         // δ²/2, the factor of the gradient
  double noise = 0.01;        // δ, standard deviation of a step's noise, before noise_scale
  double noise_scale = 1.0;   // 1: the paper's equation, 0: gradient descent
  double sample_noise = 1.0;  // factor of noise_scale in the chains of samples
  double sigma_ref = 0.0;     // σ_ref of the Gaussian reference; 0: none (σ_ref = ∞)
  double clamp = 1.2;         // x stays in [-clamp, clamp]; 0: free

  int64_t steps_of_samples() const { return sample_steps > 0 ? sample_steps : steps; }

  void describe(SettingVisitor& v) {
    v("steps", steps, "l", "Langevin steps of a chain", langevin_steps());
    v("sample-steps", sample_steps, "", "Langevin steps of samples, pictures and scores; 0: as in training",
      langevin_steps());
    v("drift", drift, "δ²/2", "factor of the gradient in a Langevin step", not_negative());
    v("noise", noise, "δ", "standard deviation of a step's noise", not_negative());
    v("noise-scale", noise_scale, "", "factor of the noise; 0: plain gradient descent", not_negative());
    v("sample-noise", sample_noise, "", "a further factor of the noise in the steps of samples, pictures and scores",
      not_negative());
    v("sigma-ref", sigma_ref, "σ_ref", "standard deviation of the Gaussian reference; 0: none", not_negative());
    v("clamp", clamp, "", "chains stay in [-clamp, clamp]; 0: free", not_negative());
  }
};

// The numbers of one step. Throws Error for those that no float can hold.
LangevinStep langevin_step_of(const ChainSettings& settings);
// The same with another noise_scale.
LangevinStep langevin_step_of(const ChainSettings& settings, double noise_scale);

}  // namespace ebm
