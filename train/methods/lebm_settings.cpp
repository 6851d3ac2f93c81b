#include "train/methods/lebm_settings.h"

#include "train/method.h"

namespace ebm {

void LebmSettings::describe(SettingVisitor& v) {
  Settings::describe(v);
  const bool has_prior = method != "abp";
  v.group("posterior-", posterior);
  if (has_prior) {
    v.group("prior-", prior);
    v("sample-steps", prior_sample_steps, "", "prior steps of samples, pictures and scores; 0: as in training",
      langevin_steps());
    v("energy-lr", energy_lr, "η_θ", "Adam's learning rate of the energy", learning_rate());
    v("energy-width", energy_width, "", "units of the energy's two hidden layers", whole(1, 4096), Fixed::network);
  }
  v("infer-steps", infer_steps, "", "tries of the descent to a given image's z, from 0", langevin_steps());
  v("sigma", sigma, "σ", "standard deviation of x around g(z)", {.least = 1e-3, .most = 1e3, .says = "0.001 to 1000"});
  v("generator-lr", generator_lr, "η_α", "Adam's learning rate of the generator", learning_rate());
  v("adam-beta1", adam_beta1, "β₁", "Adam's decay of the first moment", below_one());
  v("adam-beta2", adam_beta2, "β₂", "Adam's decay of the second moment", below_one());
  v("lr-tau", lr_tau, "", "learning rates are divided by 1 + iteration/lr-tau", more_than_zero());
  v("clip-norm", clip_norm, "", "largest gradient norm of a network; 0: no clipping", not_negative());
  v("ema-decay", ema_decay, "", "decay of the parameters' moving average, used for samples; 0: none", below_one(),
    Fixed::on_or_off);
  v("generator-width", generator_width, "", "channels of the generator's first layer", whole(1, 4096), Fixed::network);
  v("latent", latent, "d", "dimension of z", whole(1, 65536), Fixed::network);
}

int64_t LebmSettings::sample_steps() const {
  if (!can(method, Ability::chains)) return 0;
  return prior_sample_steps > 0 ? prior_sample_steps : prior.steps;
}

void LebmSettings::take_fact(const std::string& name, const std::string& text) {
  if (name == "network")
    network = text;
  else
    Settings::take_fact(name, text);
}

double posterior_step(const LebmSettings& s, double slowed) {
  return slowed < 1 ? 0.5 * s.posterior.step_size : s.posterior.step_size;
}

LebmNetworks networks(const LebmSettings& s) {
  return {network(s.network + ".latent-generator", {.width = s.generator_width,
                                                    .latent = s.latent,
                                                    .init = WeightInit::xavier_normal,
                                                    .image = s.folder.image()}),
          network("latent-energy", {.width = s.energy_width, .latent = s.latent})};
}

}  // namespace ebm
