#include "train/settings.h"

#include <cmath>
#include <iomanip>
#include <sstream>

#include "core/check.h"

namespace ebm {
namespace {

Settings mnist_paper() {
  Settings s;
  s.profile = Profile::paper;
  s.iterations = 200 * 150;  // 200 epochs
  s.batch = s.chains = 400;
  s.num_steps = 50;
  s.noise = 0.001;
  s.drift = s.noise * s.noise / 2;
  s.sigma_ref = 0.016;
  s.clamp = 0;
  s.energy_lr = 0.009;
  s.vae_lr = 1e-4;
  s.lr_decay = 0.98;
  s.lr_decay_iterations = 20 * 150;
  s.lr_tau = 0;
  s.kl_weight = 3;
  s.kl_warmup = 0;
  s.energy_l2 = 0;
  s.energy_decay = 0;
  s.clip_norm = 0;
  s.ema_decay = 0;
  s.image_noise = s.image_noise_end = 0;
  s.latent = 100;
  s.guard_gap = 0;  // energies of this profile reach 1e6: only NaN and exploding chains stop it
  return s;
}

Settings cifar10_paper() {
  Settings s = mnist_paper();
  s.iterations = 1000 * 200;
  s.batch = 250;
  s.chains = 900;
  s.num_steps = 15;
  s.sample_steps = 30;
  s.noise = 0.002;
  s.drift = s.noise * s.noise / 2;
  s.vae_lr = 2e-4;
  s.lr_decay_iterations = 20 * 200;
  s.kl_weight = 2;
  return s;
}

// What the baselines' own papers and code set otherwise (Xie et al. 2018 for CoopNets).
void set_method(Settings& s, const std::string& method) {
  s.method = method;
  const bool paper = s.profile == Profile::paper;
  if (method == "coopnets" && paper) {
    s.energy_lr = 0.007;
    s.vae_lr = 1e-4;
    s.num_steps = 15;
    s.sample_steps = 0;
    s.noise = 0.002;
    s.drift = s.noise * s.noise / 2;
  } else if (method == "short-run" || method == "persistent") {
    s.sample_steps = 0;
    s.guard_move = 0;  // these chains begin at noise, or long ago: how far they move says nothing
    if (paper) return;
    s.energy_lr = 1e-4;  // no generator brings the chains near the data
    s.guard_gap = 40;
    s.num_steps = method == "short-run" ? 60 : 40;
  }
}

bool is_cifar(const Settings& s) { return s.recipe == "cifar10"; }

void check(bool ok, const char* name, double value, const char* range) {
  if (ok) return;
  std::string text = std::to_string(value);
  if (value == std::floor(value) && std::abs(value) < 1e15) text = std::to_string(static_cast<int64_t>(value));
  EBM_FAIL("settings", std::string(name) + " = " + text, range);
}

}  // namespace

Settings recipe_settings(const std::string& recipe, Profile profile, const std::string& method) {
  Settings s;
  if (recipe != "mnist" && recipe != "fashion" && recipe != "cifar10" && recipe != "synthetic")
    EBM_FAIL("recipe", "\"" + recipe + "\"", "mnist, fashion, cifar10 or synthetic");
  if (profile == Profile::paper) {
    s = recipe == "cifar10" ? cifar10_paper() : mnist_paper();
  } else if (recipe == "mnist" || recipe == "fashion") {
    s.sample_steps = 60;  // docs/results.md
    if (recipe == "fashion") s.image_noise_tau = 1500;
  } else if (recipe == "cifar10") {  // with mnist's rates the energy flips all chains at once, and the VAE explodes
    s.drift = 4;
    s.energy_lr = 2e-4;
    s.vae_lr = 5e-4;
  }
  s.recipe = recipe;
  set_method(s, method);
  return s;
}

double lr_factor(const Settings& s, int64_t iteration) {
  const double t = static_cast<double>(iteration);
  return std::pow(s.lr_decay, t / s.lr_decay_iterations) / (s.lr_tau > 0 ? 1 + t / s.lr_tau : 1.0);
}

double kl_weight(const Settings& s, int64_t iteration) {
  if (iteration >= s.kl_warmup) return s.kl_weight;
  return s.kl_weight * (static_cast<double>(iteration) + 1) / (s.kl_warmup + 1);
}

double image_noise(const Settings& s, int64_t iteration) {
  const double t = static_cast<double>(iteration);
  return s.image_noise_end + (s.image_noise - s.image_noise_end) / (1 + t / s.image_noise_tau);
}

NetworkConfigs networks(const Settings& s) {
  NetworkConfigs n;
  if (s.profile == Profile::paper) {
    n = is_cifar(s) ? cifar10_paper_networks() : mnist_paper_networks();
    n.encoder.latent = n.generator.latent = s.latent;
  } else {
    const NetworkWidths widths{s.width, s.generator_width, s.encoder_width, s.latent};
    n = is_cifar(s) ? cifar10_laptop_networks(widths) : mnist_laptop_networks(widths);
    n.encoder.dropout_keep = static_cast<float>(s.dropout_keep);
  }
  return n;
}

std::optional<double> bf16_step_error(const Settings& s) {
  const bool paper = s.profile == Profile::paper;
  double measured = 0;  // at the recipe's own drift and noise, the largest seen
  if (paper)
    measured = is_cifar(s) ? 0.003 : 0.031;  // fashion has mnist's networks
  else if (s.recipe == "mnist")
    measured = 0.22;
  else
    return std::nullopt;
  const Settings own = recipe_settings(s.recipe, s.profile);
  const double noise = s.noise * s.noise_scale;
  if (noise == 0) return std::nullopt;
  return measured * (s.drift / own.drift) * (own.noise * own.noise_scale / noise);
}

Precisions choose_precisions(const std::string& text, Device device, const Settings& settings) {
  if (text != "auto") {
    const Precision all = parse_precision(text);
    return {all, all, text};
  }
  const Precision updates = default_precision(device);
  const std::string text_of_updates = name(updates);
  const std::optional<double> error = bf16_step_error(settings);
  if (!device.is_cuda() || !error) return {updates, updates, text_of_updates};
  std::ostringstream ratio;
  ratio << std::setprecision(2) << *error;
  if (*error <= kMostBf16StepError)
    return {updates, Precision::bf16,
            text_of_updates + ", chains in bf16: its error is " + ratio.str() + " of a step's noise"};
  return {updates, updates,
          text_of_updates + ", chains too: bf16's error would be " + ratio.str() + " of a step's noise"};
}

void set_precisions(const Precisions& precisions) {
  set_precision(precisions.updates);
  set_chain_precision(precisions.chains);
}

void check_settings(const Settings& s) {
  const auto positive = [](const char* name, double value, double most) {
    const std::string expected = "a whole number from 1 to " + std::to_string(static_cast<int64_t>(most));
    check(value >= 1 && value <= most, name, value, expected.c_str());
  };
  const auto not_negative = [](const char* name, double value) {
    check(value >= 0 && std::isfinite(value), name, value, "0 or more");
  };
  const auto steps = [](const char* name, int64_t value) {
    const std::string range = "0 to " + std::to_string(kMostLangevinSteps);
    check(value >= 0 && value <= kMostLangevinSteps, name, static_cast<double>(value), range.c_str());
  };
  positive("iterations", static_cast<double>(s.iterations), 1e9);
  positive("batch", static_cast<double>(s.batch), 1 << 20);
  positive("chains", static_cast<double>(s.chains), 1 << 20);
  check(s.chains >= 2, "chains", static_cast<double>(s.chains), "2 or more: batch normalisation needs a batch");
  check(s.method != "persistent" || s.chains <= kReplayImages, "chains", static_cast<double>(s.chains),
        "at most 10000 with persistent chains, the size of their replay buffer");
  steps("steps", s.num_steps);
  steps("sample-steps", s.sample_steps);
  positive("width", static_cast<double>(s.width), 4096);
  positive("latent", static_cast<double>(s.latent), 65536);
  not_negative("drift", s.drift);
  not_negative("noise", s.noise);
  not_negative("noise-scale", s.noise_scale);
  not_negative("sigma-ref", s.sigma_ref);
  not_negative("clamp", s.clamp);
  check(s.energy_lr > 0 && s.energy_lr < 10, "energy-lr", s.energy_lr, "a learning rate in (0, 10)");
  check(s.vae_lr > 0 && s.vae_lr < 10, "vae-lr", s.vae_lr, "a learning rate in (0, 10)");
  check(s.adam_beta1 >= 0 && s.adam_beta1 < 1, "adam-beta1", s.adam_beta1, "0 or more, below 1");
  check(s.adam_beta2 >= 0 && s.adam_beta2 < 1, "adam-beta2", s.adam_beta2, "0 or more, below 1");
  check(s.lr_decay > 0 && s.lr_decay <= 1, "lr-decay", s.lr_decay, "a factor in (0, 1]");
  check(s.lr_decay_iterations > 0, "lr-decay-iterations", s.lr_decay_iterations, "more than 0");
  not_negative("kl-weight", s.kl_weight);
  not_negative("energy-l2", s.energy_l2);
  not_negative("energy-decay", s.energy_decay);
  not_negative("clip-norm", s.clip_norm);
  check(s.ema_decay >= 0 && s.ema_decay < 1, "ema-decay", s.ema_decay, "0 or more, below 1");
  not_negative("image-noise", s.image_noise);
  not_negative("image-noise-end", s.image_noise_end);
  check(s.image_noise_tau > 0, "image-noise-tau", s.image_noise_tau, "more than 0");
  not_negative("lr-tau", s.lr_tau);
  not_negative("kl-warmup", s.kl_warmup);
  positive("generator-width", static_cast<double>(s.generator_width), 4096);
  positive("encoder-width", static_cast<double>(s.encoder_width), 4096);
  check(s.dropout_keep > 0 && s.dropout_keep <= 1, "dropout-keep", s.dropout_keep, "a probability in (0, 1]");
  not_negative("guard-gap", s.guard_gap);
  not_negative("guard-move", s.guard_move);
  positive("guard-every", static_cast<double>(s.guard_every), 1e9);
  check(s.guard_retries >= 0 && s.guard_retries <= 1000, "guard-retries", static_cast<double>(s.guard_retries),
        "0 to 1000");
  check(s.guard_lr_factor > 0 && s.guard_lr_factor < 1, "guard-lr-factor", s.guard_lr_factor, "a factor in (0, 1)");
}

Profile parse_profile(const std::string& text) {
  if (text == "paper") return Profile::paper;
  if (text == "laptop") return Profile::laptop;
  EBM_FAIL("profile", "\"" + text + "\"", "auto, paper or laptop");
}

std::string to_string(Profile profile) { return profile == Profile::paper ? "paper" : "laptop"; }

}  // namespace ebm
