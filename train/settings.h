// Every number that a run is made with. The paper's symbols stand beside the names; recipes fill these in,
// the command line and config.toml override them (tools/settings_flags.h lists the flags).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/device.h"
#include "core/precision.h"
#include "models/recipes.h"

namespace ebm {

enum class Profile { paper, laptop };

// Chains that persistent chains' replay buffer keeps.
inline constexpr int64_t kReplayImages = 10'000;
// Langevin steps that a chain of a run, or of its samples, may have.
inline constexpr int64_t kMostLangevinSteps = 1'000'000;

// The defaults are the laptop profile's, found by trial on two CPU cores (docs/results.md).
struct Settings {
  std::string recipe = "mnist";  // mnist | fashion | cifar10 | synthetic: also the data set
  Profile profile = Profile::laptop;
  std::string method = "ebm-vae";  // train/methods/table.cpp
  uint64_t seed = 1;

  int64_t iterations = 5000;  // in all, not more: a resumed run goes on to this number
  int64_t batch = 64;         // n, data images an iteration
  int64_t chains = 64;        // Langevin chains an iteration; may differ from batch

  int64_t num_steps = 20;    // l, Langevin steps
  int64_t sample_steps = 0;  // of samples that are drawn to be looked at or scored; 0: num_steps
  double drift = 1.0;        // δ²/2, the factor of the gradient
  double noise = 0.01;       // δ, standard deviation of a step's noise, before noise_scale
  double noise_scale = 1.0;  // 1: the paper's equation, 0: gradient descent
  double sigma_ref = 0.0;    // σ_ref of the Gaussian reference; 0: none (σ_ref = ∞)
  double clamp = 1.2;        // x stays in [-clamp, clamp]; 0: free

  double energy_lr = 4e-4;  // Adam's, for θ
  double vae_lr = 2e-3;     // Adam's, for (α, β)
  double adam_beta1 = 0.5;
  double adam_beta2 = 0.999;
  double lr_decay = 1.0;              // every lr_decay_iterations all learning rates shrink by this factor,
  double lr_decay_iterations = 1000;  // continuously,
  double lr_tau = 3000.0;             // and are divided by 1 + iteration/lr_tau; 0: are not
  double kl_weight = 3.0;             // γ
  double kl_warmup = 1000.0;          // iterations over which γ rises linearly to its value
  double energy_l2 = 0.1;             // weight of mean f(x)² + mean f(x̃)² in the energy's loss
  double energy_decay = 0.5;          // weight decay of θ: an iteration shrinks it by 1 − η_θ·energy_decay
  double clip_norm = 200.0;           // largest global gradient norm of a network; 0: no clipping
  double ema_decay = 0.999;           // of the parameters' moving average, which sampling uses; 0: none
  double image_noise = 0.3;           // standard deviation of noise added to data and revised samples, for the
                                      // energy's loss only: blurs the two distributions until they overlap
  double image_noise_end = 0.12;      // what it falls to:
  double image_noise_tau = 500;       // end + (start − end)/(1 + iteration/image_noise_tau)

  // Channels of each network's first layer in the laptop profile; the paper's networks are fixed.
  int64_t width = 32;
  int64_t generator_width = 256;
  int64_t encoder_width = 32;
  double dropout_keep = 1.0;  // of the encoder; 1: no dropout
  int64_t latent = 16;        // d; the paper's is 100

  double guard_gap = 6.0;        // |mean f(x) − mean f(x̃)| beyond which the run is held to have diverged;
                                 // 0: when it outgrows its own mean
  double guard_move = 0.8;       // ‖x̃ − x̂‖ per pixel (root mean square), likewise; 0: off
  int64_t guard_every = 50;      // iterations between the states that can be returned to
  int64_t guard_retries = 5;     // rollbacks before the run gives up
  double guard_lr_factor = 0.5;  // the energy's lr is multiplied by this at each rollback

  // Iterations that one pass over `images` takes.
  int64_t epoch_iterations(int64_t images) const { return (images + batch - 1) / batch; }
};

// The schedules. None depends on the number of iterations that a run is given: a run that is made longer
// goes on as if it had been asked for that length at once.
double lr_factor(const Settings& settings, int64_t iteration);  // of all learning rates
double kl_weight(const Settings& settings, int64_t iteration);  // γ with its warm-up
double image_noise(const Settings& settings, int64_t iteration);

// The settings of a recipe; throws Error for an unknown name.
Settings recipe_settings(const std::string& recipe, Profile profile, const std::string& method = "ebm-vae");
// The networks that these settings describe.
NetworkConfigs networks(const Settings& settings);
// Throws Error naming the first setting that makes no sense, with its valid range.
void check_settings(const Settings& settings);

// The error of a Langevin step's gradient in bf16 beside the step's noise, both a pixel's, at these settings: from what
// `ebm precision` shows of trained networks of the recipe (docs/performance.md). Nothing where none was measured, or
// where a step has no noise.
std::optional<double> bf16_step_error(const Settings& settings);

// The arithmetic that a run's or a tool's word for it means (core/precision.h): auto | fp32 | tf32 | bf16. `auto` is
// fp32 on the CPU and tf32 on a GPU, there with chains in bf16 where bf16_step_error() is at most kMostBf16StepError.
inline constexpr double kMostBf16StepError = 0.25;
struct Precisions {
  Precision updates, chains;
  std::string text;  // as in "tf32, chains in bf16: its error is 0.03 of a step's noise"
};
Precisions choose_precisions(const std::string& text, Device device, const Settings& settings);
// From now on these are the modes.
void set_precisions(const Precisions& precisions);

Profile parse_profile(const std::string& text);  // paper | laptop
std::string to_string(Profile profile);

}  // namespace ebm
