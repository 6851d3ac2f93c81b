// The settings of variational MCMC teaching and its baselines, their schedules and their networks.
#pragma once

#include "models/table.h"
#include "train/chains/chain_settings.h"

namespace ebm {

// Chains that persistent chains' replay buffer keeps.
inline constexpr int64_t kReplayImages = 10'000;

// The defaults are the laptop profile's, found by trial on two CPU cores (docs/results.md).
struct TeachingSettings : Settings {
  TeachingSettings() { method = "ebm-vae"; }

  std::string network = "mnist";              // which networks: mnist's for 28×28×1 images, cifar10's for 32×32×3
  std::optional<double> measured_bf16_error;  // of a step at the recipe's own drift and noise, the largest seen

  int64_t chains = 64;          // Langevin chains an iteration; may differ from batch
  bool chain_an_image = false;  // a method whose chains belong to the batch's images: as many as those
  ChainSettings chain;

  double energy_lr = 4e-4;  // Adam's, for θ
  double vae_lr = 2e-3;     // Adam's, for (α, β)
  double adam_beta1 = 0.5;
  double adam_beta2 = 0.999;
  double lr_decay = 1.0;              // every lr_decay_iterations all learning rates shrink by this factor,
  double lr_decay_iterations = 1000;  // continuously,
  double lr_tau = 3000.0;             // and are divided by 1 + iteration/lr_tau; 0: are not
  double kl_weight = 3.0;             // γ
  double kl_warmup = 1000.0;          // iterations over which γ rises linearly to its value
  std::string teach = "inferred";  // what teaches generator and encoder (check_together has the values), ebm-vae's own:
  double inferred_weight = 0.3;  // with "both": of ‖x̃ − g(z̃)‖² + γ·KL, Algorithm 1's loss, with "data": of that of x,
  double own_weight = 1.0;        // of ‖x̃ − g(ẑ)‖², ẑ being what the chain of x̃ began with,
  double pair_weight = 1.0;       // of −log π_β(ẑ|x̃); with "own" too
  double energy_l2 = 0.1;         // weight of mean f(x)² + mean f(x̃)² in the energy's loss
  double energy_decay = 0.5;      // weight decay of θ: an iteration shrinks it by 1 − η_θ·energy_decay
  double clip_norm = 200.0;       // largest global gradient norm of a network; 0: no clipping
  double ema_decay = 0.999;       // of the parameters' moving average, which sampling uses; 0: none
  double image_noise = 0.3;       // standard deviation of noise added to data and revised samples, for the
                                  // energy's loss only: blurs the two distributions until they overlap
  double image_noise_end = 0.12;  // what it falls to:
  double image_noise_tau = 500;   // end + (start − end)/(1 + iteration/image_noise_tau)

  // Channels of each network's first layer in the laptop profile; the paper's networks are fixed.
  int64_t width = 32;
  int64_t generator_width = 256;
  int64_t encoder_width = 32;
  double dropout_keep = 1.0;  // of the encoder; 1: no dropout
  int64_t latent = 16;        // d; the paper's is 100

  std::unique_ptr<Settings> clone() const override { return std::make_unique<TeachingSettings>(*this); }
  void describe(SettingVisitor& v) override;
  void check_together() const override;
  std::string note() const override;
  int64_t sample_steps() const override;
  void take_fact(const std::string& name, const std::string& text) override;
  std::optional<double> bf16_step_error() const override;
  std::optional<double> bf16_chain_speedup() const override;
};

// The schedules. None depends on the number of iterations that a run is given: a run that is made longer
// goes on as if it had been asked for that length at once.
double lr_factor(const TeachingSettings& settings, int64_t iteration);  // of all learning rates
double kl_weight(const TeachingSettings& settings, int64_t iteration);  // γ with its warm-up
double image_noise(const TeachingSettings& settings, int64_t iteration);

// The networks that these settings describe.
struct TeachingNetworks {
  NetworkConfig energy, encoder, generator;
};
TeachingNetworks networks(const TeachingSettings& settings);

// The settings of a recipe of one of these methods.
TeachingSettings teaching_recipe(const std::string& recipe, Profile profile, const std::string& method = "ebm-vae");

}  // namespace ebm
