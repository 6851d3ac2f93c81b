#include "train/methods/teaching_settings.h"

#include <cmath>

#include "core/check.h"
#include "train/chains/bf16_speedup.h"
#include "train/method.h"
#include "train/recipes.h"

namespace ebm {

void TeachingSettings::describe(SettingVisitor& v) {
  Settings::describe(v);
  if (!chain_an_image)
    v("chains", chains, "", "Langevin chains an iteration", whole(2, 1 << 20, "batch normalisation needs a batch"));
  v.group("", chain);
  v("energy-lr", energy_lr, "η_θ", "Adam's learning rate of the energy net", learning_rate());
  v("vae-lr", vae_lr, "η_αβ", "Adam's learning rate of generator and encoder", learning_rate());
  v("adam-beta1", adam_beta1, "β₁", "Adam's decay of the first moment", below_one());
  v("adam-beta2", adam_beta2, "β₂", "Adam's decay of the second moment", below_one());
  v("lr-decay", lr_decay, "", "factor of all learning rates after lr-decay-iterations", fraction(true));
  v("lr-decay-iterations", lr_decay_iterations, "", "iterations in which they shrink by that factor", more_than_zero());
  v("lr-tau", lr_tau, "", "learning rates are divided by 1 + iteration/lr-tau; 0: are not", not_negative());
  v("kl-weight", kl_weight, "γ", "weight of the KL term in the VAE's loss", not_negative());
  v("kl-warmup", kl_warmup, "", "iterations over which γ rises to its value", not_negative());
  if (method == "ebm-vae") {
    v("teach", teach, "",
      "what generator and encoder learn of a revised sample: inferred (Algorithm 1: from z that the encoder infers), "
      "own (from the z that its chain began with), both, or data (own, and of data images from z that is inferred)");
    v("inferred-weight", inferred_weight, "",
      "weight of Algorithm 1's loss, with --teach both of revised samples, with data of data images", not_negative());
    v("own-weight", own_weight, "", "with --teach both or data: weight of the generator's error at a chain's own z",
      not_negative());
    v("pair-weight", pair_weight, "", "not with --teach inferred: weight of -log pi(z|x) of a chain's own z",
      not_negative());
  }
  v("energy-l2", energy_l2, "", "weight of mean f² in the energy net's loss", not_negative());
  v("energy-decay", energy_decay, "", "weight decay of the energy net, times its learning rate", not_negative());
  v("clip-norm", clip_norm, "", "largest gradient norm of a network; 0: no clipping", not_negative());
  v("ema-decay", ema_decay, "", "decay of the parameters' moving average, used for samples; 0: none", below_one(),
    Fixed::on_or_off);
  v("image-noise", image_noise, "", "standard deviation of noise on data and revised samples in the energy's loss",
    not_negative());
  v("image-noise-end", image_noise_end, "", "what that noise falls to", not_negative());
  v("image-noise-tau", image_noise_tau, "", "iterations until it has fallen half of the way", more_than_zero());
  v("width", width, "", "channels of the energy net's first layer (laptop profile)", whole(1, 4096),
    Fixed::narrow_network);
  v("generator-width", generator_width, "", "channels of the generator's first layer (laptop profile)", whole(1, 4096),
    Fixed::narrow_network);
  v("encoder-width", encoder_width, "", "channels of the encoder's first layer (laptop profile)", whole(1, 4096),
    Fixed::narrow_network);
  v("dropout-keep", dropout_keep, "", "probability that the encoder's dropout keeps an element (laptop profile)",
    fraction(true, "a probability"), Fixed::narrow);
  v("latent", latent, "d", "dimension of z", whole(1, 65536), Fixed::network);
}

void TeachingSettings::check_together() const {
  EBM_CHECK(teach == "inferred" || teach == "own" || teach == "both" || teach == "data", "--teach", "\"" + teach + "\"",
            "inferred, own, both or data");
  EBM_CHECK(method != "persistent" || chains <= kReplayImages, "settings", "chains = " + std::to_string(chains),
            "at most " + std::to_string(kReplayImages) + " with persistent chains, the size of their replay buffer");
}

// As was measured (docs/results.md).
std::string TeachingSettings::note() const {
  if (method != "ebm-vae" || profile != Profile::laptop || teach != "inferred" || (chain.steps >= 20 && kl_weight > 0))
    return "";
  return "--teach inferred lost its balance with a few long steps and without a KL term; what it held with: --steps 20 "
         "--drift 1 --batch 64 --chains 64 --latent 16 --kl-weight 3 --generator-width 256 --lr-tau 3000 "
         "--sample-steps 60";
}

int64_t TeachingSettings::sample_steps() const { return can(method, Ability::energy) ? chain.steps_of_samples() : 0; }

void TeachingSettings::take_fact(const std::string& name, const std::string& text) {
  if (name == "network")
    network = text;
  else if (name == "bf16-step-error")
    measured_bf16_error = std::stod(text);
  else
    Settings::take_fact(name, text);
}

std::optional<double> TeachingSettings::bf16_step_error() const {
  const double noise = chain.noise * chain.noise_scale;
  if (!measured_bf16_error || noise == 0) return std::nullopt;
  const ChainSettings own = teaching_recipe(recipe, profile).chain;  // what was measured
  return *measured_bf16_error * (chain.drift / own.drift) * (own.noise * own.noise_scale / noise);
}

std::optional<double> TeachingSettings::bf16_chain_speedup() const {
  if (!can(method, Ability::energy)) return std::nullopt;
  return bf16_speedup(networks(*this).energy, chains);
}

double lr_factor(const TeachingSettings& s, int64_t iteration) {
  const double t = static_cast<double>(iteration);
  return std::pow(s.lr_decay, t / s.lr_decay_iterations) / (s.lr_tau > 0 ? 1 + t / s.lr_tau : 1.0);
}

double kl_weight(const TeachingSettings& s, int64_t iteration) {
  if (iteration >= s.kl_warmup) return s.kl_weight;
  return s.kl_weight * (static_cast<double>(iteration) + 1) / (s.kl_warmup + 1);
}

double image_noise(const TeachingSettings& s, int64_t iteration) {
  const double t = static_cast<double>(iteration);
  return s.image_noise_end + (s.image_noise - s.image_noise_end) / (1 + t / s.image_noise_tau);
}

TeachingNetworks networks(const TeachingSettings& s) {
  const auto sized = [&s](const char* which, const NetworkSize& laptop) {
    const std::string name = s.network + which;
    NetworkSize size = s.profile == Profile::paper ? paper_size(name) : laptop;
    size.latent = s.latent;
    size.image = s.folder.image();
    return network(name, size);
  };
  return {sized(".energy", {.width = s.width}),
          sized(".encoder", {.width = s.encoder_width, .dropout_keep = static_cast<float>(s.dropout_keep)}),
          sized(".generator", {.width = s.generator_width})};
}

TeachingSettings teaching_recipe(const std::string& recipe, Profile profile, const std::string& method) {
  return dynamic_cast<const TeachingSettings&>(*recipe_settings(method, recipe, profile));
}

}  // namespace ebm
