// The settings of the latent-space EBM and of alternating back-propagation, and their networks.
#pragma once

#include "models/table.h"
#include "train/settings.h"

namespace ebm {

// Unadjusted Langevin steps z ← z − (δ²/2)·∂U/∂z + δ·noise.
struct LatentChain {
  int64_t steps;
  double step_size;  // δ

  void describe(SettingVisitor& v) {
    v("steps", steps, "", "Langevin steps of the chain in z", langevin_steps());
    v("step-size", step_size, "δ", "standard deviation of a step's noise; δ²/2 is the factor of the gradient",
      more_than_zero());
  }
};

// The defaults are the laptop profile's.
struct LebmSettings : Settings {
  LebmSettings() {
    method = "lebm";
    iterations = 5000;
    guard_gap = 0;  // f has no scale that is known beforehand
  }

  std::string network = "mnist";  // which generator: mnist's for 28×28×1 images, cifar10's for 32×32×3

  LatentChain prior{60, 0.4};
  LatentChain posterior{20, 0.1};
  int64_t prior_sample_steps = 0;
  int64_t infer_steps = 100;
  double sigma = 0.3;

  double energy_lr = 2e-3;
  double generator_lr = 5e-4;
  double adam_beta1 = 0.5, adam_beta2 = 0.999;
  double lr_tau = 3000;  // iterations
  double clip_norm = 0;
  double ema_decay = 0.999;

  int64_t energy_width = 100;
  int64_t generator_width = 128;
  int64_t latent = 16;

  std::unique_ptr<Settings> clone() const override { return std::make_unique<LebmSettings>(*this); }
  void describe(SettingVisitor& v) override;
  int64_t sample_steps() const override;
  void take_fact(const std::string& name, const std::string& text) override;
};

// δ₁ of the posterior chain where the guard has slowed the run to `slowed`: half its setting once it has taken it back.
double posterior_step(const LebmSettings& settings, double slowed);

// The networks that these settings describe.
struct LebmNetworks {
  NetworkConfig generator, energy;
};
LebmNetworks networks(const LebmSettings& settings);

}  // namespace ebm
