#include "tools/settings_flags.h"

#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "core/check.h"

namespace ebm {
namespace {

constexpr SettingFlag kFlags[] = {
    {"iterations", "", "iterations in all; a resumed run goes on to this number", &Settings::iterations},
    {"batch", "n", "data images an iteration", &Settings::batch},
    {"chains", "", "Langevin chains an iteration", &Settings::chains},
    {"seed", "", "seed of all random numbers", &Settings::seed},
    {"steps", "l", "Langevin steps of a chain", &Settings::num_steps},
    {"sample-steps", "", "Langevin steps of samples, pictures and scores; 0: as in training", &Settings::sample_steps},
    {"drift", "δ²/2", "factor of the gradient in a Langevin step", &Settings::drift},
    {"noise", "δ", "standard deviation of a step's noise", &Settings::noise},
    {"noise-scale", "", "factor of the noise; 0: plain gradient descent", &Settings::noise_scale},
    {"sigma-ref", "σ_ref", "standard deviation of the Gaussian reference; 0: none", &Settings::sigma_ref},
    {"clamp", "", "chains stay in [-clamp, clamp]; 0: free", &Settings::clamp},
    {"energy-lr", "η_θ", "Adam's learning rate of the energy net", &Settings::energy_lr},
    {"vae-lr", "η_αβ", "Adam's learning rate of generator and encoder", &Settings::vae_lr},
    {"adam-beta1", "β₁", "Adam's decay of the first moment", &Settings::adam_beta1},
    {"adam-beta2", "β₂", "Adam's decay of the second moment", &Settings::adam_beta2},
    {"lr-decay", "", "factor of all learning rates after lr-decay-iterations", &Settings::lr_decay},
    {"lr-decay-iterations", "", "iterations in which they shrink by that factor", &Settings::lr_decay_iterations},
    {"lr-tau", "", "learning rates are divided by 1 + iteration/lr-tau; 0: are not", &Settings::lr_tau},
    {"kl-weight", "γ", "weight of the KL term in the VAE's loss", &Settings::kl_weight},
    {"kl-warmup", "", "iterations over which γ rises to its value", &Settings::kl_warmup},
    {"energy-l2", "", "weight of mean f² in the energy net's loss", &Settings::energy_l2},
    {"energy-decay", "", "weight decay of the energy net, times its learning rate", &Settings::energy_decay},
    {"clip-norm", "", "largest gradient norm of a network; 0: no clipping", &Settings::clip_norm},
    {"ema-decay", "", "decay of the parameters' moving average, used for samples; 0: none", &Settings::ema_decay},
    {"image-noise", "", "standard deviation of noise on data and revised samples in the energy's loss",
     &Settings::image_noise},
    {"image-noise-end", "", "what that noise falls to", &Settings::image_noise_end},
    {"image-noise-tau", "", "iterations until it has fallen half of the way", &Settings::image_noise_tau},
    {"width", "", "channels of the energy net's first layer (laptop profile)", &Settings::width, true},
    {"generator-width", "", "channels of the generator's first layer (laptop profile)", &Settings::generator_width,
     true},
    {"encoder-width", "", "channels of the encoder's first layer (laptop profile)", &Settings::encoder_width, true},
    {"dropout-keep", "", "probability that the encoder's dropout keeps an element (laptop profile)",
     &Settings::dropout_keep, true},
    {"latent", "d", "dimension of z", &Settings::latent},
    {"guard-gap", "", "energy gap at which a run counts as diverged; 0: when it outgrows its mean",
     &Settings::guard_gap},
    {"guard-move", "", "the same for the chains' root-mean-square move per pixel; 0: off", &Settings::guard_move},
    {"guard-every", "", "iterations between the states that a diverged run returns to", &Settings::guard_every},
    {"guard-retries", "", "returns before a run gives up", &Settings::guard_retries},
    {"guard-lr-factor", "", "factor of the energy net's learning rate at each return", &Settings::guard_lr_factor},
};

// Every field but recipe, method and profile has a line above; all of them are 8 bytes.
static_assert(sizeof(Settings) == 2 * sizeof(std::string) + 8 + 8 * std::size(kFlags), "a setting without a flag");

[[noreturn]] void refuse(const std::string& flag, const std::string& text, const std::string& expected) {
  EBM_FAIL("--" + flag, "\"" + text + "\"", expected);
}

template <class T>
T parse_number(const std::string& flag, const std::string& text, const char* expected) {
  T value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) refuse(flag, text, expected);
  return value;
}

// 0.1 as "0.1": the shortest text that reads back to the same number.
std::string number_text(double value) { return fmt::format("{}", value); }
std::string number_text(int64_t value) { return std::to_string(value); }
std::string number_text(uint64_t value) { return std::to_string(value); }

const char* section_comment() {
  return "# Made by train_ebm_vae; read back with --config. The command line wins over this "
         "file.\n";
}

}  // namespace

std::span<const SettingFlag> setting_flags() { return kFlags; }

std::string setting_text(const Settings& settings, const SettingFlag& flag) {
  return std::visit([&](auto field) { return number_text(settings.*field); }, flag.field);
}

void set_setting(Settings& settings, const SettingFlag& flag, const std::string& text) {
  std::visit(
      [&](auto field) {
        using T = std::remove_reference_t<decltype(settings.*field)>;
        const char* expected = std::is_floating_point_v<T> ? "a number"
                               : std::is_signed_v<T>       ? "a whole number"
                                                           : "a whole number, 0 or more";
        settings.*field = parse_number<T>(flag.flag, text, expected);
      },
      flag.field);
}

void SettingsOptions::add_to(CLI::App& app, const std::string& recipe) {
  const Settings laptop = recipe_settings(recipe, Profile::laptop), paper = recipe_settings(recipe, Profile::paper);
  for (const SettingFlag& flag : kFlags) {
    const std::string a = setting_text(laptop, flag), b = setting_text(paper, flag);
    const bool one = a == b || flag.laptop_only;
    const std::string defaults = one ? a : "laptop " + a + ", paper " + b;
    const std::string symbol = *flag.symbol ? std::string(flag.symbol) + ": " : "";
    app.add_option_function<std::string>(
           std::string("--") + flag.flag,
           [this, &flag](const std::string& text) {
             set_setting(values_, flag, text);
             given_.insert(flag.flag);
           },
           fmt::format("{}{} [{}]", symbol, flag.help, defaults))
        ->type_name("X")
        ->group("Settings");
  }
}

void SettingsOptions::apply(Settings& settings) const {
  for (const SettingFlag& flag : kFlags) {
    if (!given(flag.flag)) continue;
    EBM_CHECK(!flag.laptop_only || settings.profile == Profile::laptop, std::string("--") + flag.flag,
              setting_text(values_, flag) + " for the paper profile, whose networks are fixed",
              "it with --profile laptop");
    std::visit([&](auto field) { settings.*field = values_.*field; }, flag.field);
  }
}

std::string config_text(const Settings& settings, const RunFlags& run) {
  std::string text = section_comment();
  text += fmt::format("recipe = \"{}\"\nprofile = \"{}\"\nmethod = \"{}\"\n\n", settings.recipe,
                      to_string(settings.profile), settings.method);
  for (const SettingFlag& flag : kFlags) {
    if (flag.laptop_only && settings.profile != Profile::laptop) continue;
    const std::string line = fmt::format("{} = {}", flag.flag, setting_text(settings, flag));
    const std::string symbol = *flag.symbol ? std::string(flag.symbol) + ": " : "";
    text += fmt::format("# {}{}\n{}\n", symbol, flag.help, line);
  }
  text += fmt::format(
      "\ncheckpoint-every = {}\nsamples-every = {}\nprecision = \"{}\"\ndeterministic = {}\n"
      "read-every = {}\n",
      run.checkpoint_every, run.samples_every, run.precision, run.deterministic, run.read_every);
  return text;
}

Config read_config(const std::string& text, const std::string& name) {
  CLI::App app;
  app.allow_config_extras(CLI::config_extras_mode::error);
  std::string recipe = "mnist", profile = "laptop", method = "ebm-vae";
  Config config;
  SettingsOptions options;
  app.add_option("recipe", recipe);
  app.add_option("--profile", profile);
  app.add_option("--method", method);
  options.add_to(app, "mnist");
  app.add_option("--checkpoint-every", config.flags.checkpoint_every);
  app.add_option("--samples-every", config.flags.samples_every);
  app.add_option("--precision", config.flags.precision);
  app.add_flag("--deterministic", config.flags.deterministic);
  app.add_option("--read-every", config.flags.read_every);
  std::istringstream stream(text);
  try {
    app.parse_from_stream(stream);
  } catch (const CLI::ParseError& e) {
    EBM_FAIL("config", name + ": " + e.what(), "what train_ebm_vae wrote there");
  }
  config.settings = recipe_settings(recipe, parse_profile(profile), method_record(method).name);
  options.apply(config.settings);
  check_settings(config.settings);
  return config;
}

int64_t parse_count(const std::string& flag, const std::string& text, int64_t least) {
  const std::string expected = fmt::format("a whole number, {} or more", least);
  const auto value = parse_number<int64_t>(flag, text, expected.c_str());
  if (value < least) refuse(flag, text, expected);
  return value;
}

int64_t parse_count(const std::string& flag, const std::string& text, int64_t least, int64_t most) {
  const int64_t count = parse_count(flag, text, least);
  EBM_CHECK(count <= most, "--" + flag, text, fmt::format("{} to {}", least, most));
  return count;
}

double parse_factor(const std::string& flag, const std::string& text) {
  constexpr char kExpected[] = "a finite number, 0 or more";
  const auto value = parse_number<double>(flag, text, kExpected);
  if (!(value >= 0 && std::isfinite(value))) refuse(flag, text, kExpected);
  return value;
}

void apply_threads(const std::string& text) {
  constexpr int64_t kMost = 4096;
  if (text.empty()) return;
  set_num_threads(static_cast<int>(std::min(parse_count("threads", text, 1), kMost)));
}

}  // namespace ebm
