#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tools/command.h"
#include "tools/data.h"
#include "tools/ebm_loglik.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/image_energies.h"
#include "tools/evaluate/likelihood.h"
#include "tools/progress.h"
#include "tools/settings_flags.h"
#include "train/chains/langevin.h"
#include "train/chains/langevin_move.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr int64_t kFitImages = 10'000;                      // of the training split, for the base
constexpr double kLeastSd = 0.1;                            // of the base's pixels
constexpr double kSmallestBase = 1e-3, kLargestBase = 1e3;  // standard deviations; images lie in [-1, 1]
constexpr int64_t kMostChains = 10'000, kMostSteps = 1'000'000, kMostLeapfrogSteps = 1000;

DiagonalGaussian base_of(const LoglikFlags& flags, const Trainer& model) {
  const ChainSettings& s = model.abilities().chain;
  const ImageShape image = model.abilities().image;
  const Device device = model.device();
  const Shape row{image.height, image.width, image.channels};
  const auto size = static_cast<size_t>(row.size());
  if (flags.base == "data")
    return fit_gaussian(images_of(model, flags.data, Split::train, kFitImages), row, kLeastSd, s.clamp, device);
  double sd = s.clamp > 0 ? INFINITY : s.sigma_ref;  // what is left of the energy without its network
  if (flags.base == "uniform") {
    EBM_CHECK(s.clamp > 0, "--base", "uniform for a run without a clamp", "data, or a standard deviation");
  } else if (!flags.base.empty()) {
    char* end = nullptr;
    sd = std::strtod(flags.base.c_str(), &end);
    EBM_CHECK(end != flags.base.c_str() && *end == 0 && sd >= kSmallestBase && sd <= kLargestBase, "--base",
              "\"" + flags.base + "\"",
              fmt::format("data, uniform, or a standard deviation from {:g} to {:g}", kSmallestBase, kLargestBase));
  }
  return {row, std::vector<double>(size, 0), std::vector<double>(size, sd), s.clamp, device};
}

std::string base_name(const LoglikFlags& flags, const ChainSettings& s) {
  if (flags.base == "data") return "a Gaussian fitted to training images";
  if (flags.base == "uniform" || (flags.base.empty() && s.clamp > 0)) return "the uniform density";
  return "N(0, " + (flags.base.empty() ? fmt::format("{:g}", s.sigma_ref) : flags.base) + "^2)";
}

// The temperature is printed with three digits, and given back with as many.
bool same_temperature(double a, double b) { return std::abs(a - b) <= 5e-3 * b; }

// Bits for each value from nats, a mean log-density: `cells` is the log of what the walls leave of an image's cells.
struct Bits {
  int64_t dimensions;
  double cells;

  double operator()(double nats) const { return bits_per_dimension(nats + cells, dimensions); }
};

nlohmann::json to_json(const Likelihood& l, const Bits& bits) {
  const auto estimate = [](const AnnealingEstimate& e) {
    return nlohmann::json{
        {"log_z", e.combined}, {"mean", e.mean}, {"standard_error", e.standard_error}, {"acceptance", e.acceptance}};
  };
  return {{"temperature", l.temperature},
          {"mean_u_over_t", l.mean_u},
          {"path_length", l.path_length},
          {"forward", estimate(l.forward)},
          {"reverse", estimate(l.reverse)},
          {"nats_optimistic", l.optimistic()},
          {"nats_pessimistic", l.pessimistic()},
          {"bits_per_dimension_optimistic", bits(l.optimistic())},
          {"bits_per_dimension_pessimistic", bits(l.pessimistic())}};
}

void print(const Likelihood& l, double chain_temperature, const Bits& bits, const std::string& reverse) {
  const bool of_chain = same_temperature(l.temperature, chain_temperature);
  fmt::print("\nT = {:.3g}{}\n", l.temperature,
             l.temperature == 1 && of_chain ? ": equation (1), and what the run's Langevin step samples"
             : l.temperature == 1           ? ": equation (1) as it is written"
             : of_chain                     ? ": what the run's Langevin step belongs to, noise^2/(2 drift)"
                                            : "");
  const auto row = [&](const char* name, const AnnealingEstimate& e, double nats) {
    fmt::print(
        "  {:<8} log Z {:>12.2f} (mean {:.2f} +- {:.2f}), moves accepted {:>3.0f} %: {:>12.2f} nats, {:>8.3f} "
        "bits/dim\n",
        name, e.combined, e.mean, e.standard_error, 100 * e.acceptance, nats, bits(nats));
  };
  row("forward", l.forward, l.optimistic());
  row("reverse", l.reverse, l.pessimistic());
  const double gap = l.optimistic() - l.pessimistic();
  fmt::print(
      "  forward is an upper bound of the log-likelihood in expectation; reverse would be a lower one from exact\n"
      "  draws of the model, but starts from {}: an indication, no bound.\n",
      reverse == "data" ? "data" : "the run's revised samples");
  const double error = std::hypot(l.forward.standard_error, l.reverse.standard_error);
  if (gap < -std::max(1.0, 3 * error))
    fmt::print("  They cross by {:.3g} nats: the reverse chains' start is not of this distribution.\n", -gap);
  else if (std::abs(gap) > 1)
    fmt::print("  They are {:.3g} nats apart: log Z is known no better. More --steps and --chains narrow it.\n",
               std::abs(gap));
  else
    fmt::print("  They agree to {:.2g} nats.\n", std::abs(gap));
}

class Loglik {
 public:
  Loglik(const LoglikFlags& flags, std::unique_ptr<Trainer> model);
  void compute();
  void write() const;

 private:
  void load_images();
  void print_heading() const;

  const LoglikFlags& flags_;
  int64_t n_;
  AnnealingPlan plan_;
  int64_t chains_;
  std::vector<double> temperatures_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<float> held_out_;  // (n, H, W, C), dequantised
  std::optional<DiagonalGaussian> base_;
  Bits bits_{};
  double chain_temperature_ = 1, base_nats_ = 0;
  nlohmann::json rows_ = nlohmann::json::array();
};

Loglik::Loglik(const LoglikFlags& flags, std::unique_ptr<Trainer> model)
    : flags_(flags),
      n_(loglik_images(flags, kLoglikInX)),
      plan_(annealing_plan(flags, kLoglikInX)),
      chains_(plan_.chains),
      temperatures_(flags.temperatures),
      trainer_(std::move(model)) {
  for (const double t : temperatures_)
    EBM_CHECK(t > 0 && std::isfinite(t), "--temperature", fmt::format("{}", t), "more than 0");
  if (temperatures_.empty()) temperatures_ = {1};
  need(trainer_->settings().method, Ability::chains, "--run");
  check_writable(flags.json);
  const ChainSettings& chain = trainer_->abilities().chain;
  EBM_CHECK(chain.clamp > 0 || chain.sigma_ref > 0, "loglik", "a run with neither clamp nor sigma-ref",
            "one of them: without, exp(-U) may have no integral");
  const LangevinStep step = langevin_step_of(chain);
  if (step.drift > 0 && step.noise > 0) chain_temperature_ = langevin_temperature(step);
  load_images();
}

void Loglik::load_images() {
  const Abilities& model = trainer_->abilities();
  base_ = base_of(flags_, *trainer_);
  held_out_ = test_images_of(*trainer_, flags_.data, n_, "--n", flags_.n);
  const int64_t dimensions = model.image.elements();
  EBM_CHECK(flags_.reverse != "data" || chains_ <= n_, "--chains", flags_.chains + " reverse chains from data",
            fmt::format("at most --n, {}", n_));
  bits_ = {dimensions, dequantise(held_out_, model.chain.clamp, plan_.seed) / static_cast<double>(n_)};
}

void Loglik::compute() {
  const Abilities& model = trainer_->abilities();
  const ImageShape image = model.image;
  const auto size = static_cast<size_t>(image.elements());
  const Tensor start = flags_.reverse == "data"
                           ? Tensor::from_host(std::span(held_out_).first(static_cast<size_t>(chains_) * size),
                                               {chains_, image.height, image.width, image.channels}, trainer_->device())
                           : model.sample(chains_, {plan_.seed, Stream::sample, 0, 0}, model.usual).last();
  const std::vector<float> u = image_energies(*trainer_, held_out_);
  for (int64_t i = 0; i < n_; ++i)
    base_nats_ +=
        base_->log_density(std::span(held_out_).subspan(static_cast<size_t>(i) * size, size)) / static_cast<double>(n_);

  print_heading();
  const Potential energy = trainer_->potential();
  for (const double t : temperatures_) {
    plan_.progress = [t, line = OccasionalLine()](const char* what, double share) mutable {
      line(fmt::format("T = {:.3g}: {:.2g} of {}", t, share, what));
    };
    const Likelihood l = likelihood(energy, u, t, *base_, start, plan_);
    print(l, chain_temperature_, bits_, flags_.reverse);
    rows_.push_back(to_json(l, bits_));
  }
}

void Loglik::print_heading() const {
  const ChainSettings& chain = trainer_->abilities().chain;
  fmt::print(
      "{} at iteration {}: mean log-likelihood of {} test images (with a grey level of uniform noise) under\n"
      "p(x) = exp(-U(x)/T)/Z{}; {} chains, {} steps of annealing from {}\n",
      trainer_->settings().recipe, trainer_->iteration(), n_,
      chain.clamp > 0 ? fmt::format(" on [-{0:g}, {0:g}]", chain.clamp) : "", chains_, plan_.steps,
      base_name(flags_, chain));
  fmt::print("For comparison the base itself: {:.2f} nats, {:.3f} bits/dim\n", base_nats_, bits_(base_nats_));
  if (std::none_of(temperatures_.begin(), temperatures_.end(),
                   [&](double t) { return same_temperature(t, chain_temperature_); }))
    fmt::print("The run's Langevin step samples T = {0:.3g} (--temperature {0:.3g})\n", chain_temperature_);
  std::fflush(stdout);
}

void Loglik::write() const {
  fmt::print(
      "\nTraining compared energies under short chains and never saw Z: no density was fitted by maximum\n"
      "likelihood, unless the chains mix (ebm diagnose).\n");
  write_json(flags_.json, {{"recipe", trainer_->settings().recipe},
                           {"iteration", trainer_->iteration()},
                           {"n", n_},
                           {"chains", chains_},
                           {"steps", plan_.steps},
                           {"leapfrog_steps", plan_.leapfrog_steps},
                           {"seed", plan_.seed},
                           {"base", base_name(flags_, trainer_->abilities().chain)},
                           {"base_nats", base_nats_},
                           {"reverse_from", flags_.reverse},
                           {"dimensions", bits_.dimensions},
                           {"temperatures", rows_}});
}

}  // namespace

int64_t loglik_images(const LoglikFlags& flags, const LoglikDefaults& usual) {
  return flags.n.empty() ? usual.images : parse_count("n", flags.n, 1);
}

AnnealingPlan annealing_plan(const LoglikFlags& flags, const LoglikDefaults& usual) {
  const auto count = [](const char* flag, const std::string& text, int64_t otherwise, int64_t least, int64_t most) {
    return text.empty() ? otherwise : parse_count(flag, text, least, most);
  };
  return {count("chains", flags.chains, usual.chains, 2, kMostChains),
          count("steps", flags.steps, usual.steps, 1, kMostSteps),
          count("leapfrog", flags.leapfrog, usual.leapfrog, 1, kMostLeapfrogSteps),
          static_cast<uint64_t>(parse_count("seed", flags.seed, 0))};
}

std::vector<float> images_of(const Trainer& model, const std::string& data, Split split, int64_t n) {
  const Dataset dataset = load_own_data(model, data, split);
  return first_images(dataset.images, std::min(n, dataset.count()));
}

std::vector<float> test_images_of(const Trainer& model, const std::string& data, int64_t n, const std::string& flag,
                                  const std::string& given) {
  std::vector<float> images = images_of(model, data, Split::test, n);
  const int64_t count = static_cast<int64_t>(images.size()) / model.abilities().image.elements();
  EBM_CHECK(count == n, flag, given, fmt::format("at most {}, the test images of {}", count, model.settings().recipe));
  return images;
}

void add_loglik_command(CLI::App& app) {
  auto flags = std::make_shared<LoglikFlags>();
  CLI::App* command = app.add_subcommand("loglik", "log-likelihood of test images, by annealed importance sampling");
  flags->model.add_to(*command);
  command->add_option("--n", flags->n, "test images [1000; of a model of z 100]")->type_name("N");
  command
      ->add_option("--chains", flags->chains,
                   "annealed chains, each way; of a model of z for each image [16; of a tilted flow 32]")
      ->type_name("N");
  command
      ->add_option("--steps", flags->steps, "distributions between base and model [500; in z 50; of a tilted flow 200]")
      ->type_name("N");
  command
      ->add_option("--leapfrog", flags->leapfrog, "leapfrog steps of a move; 1: MALA [5; in z and of a tilted flow 3]")
      ->type_name("N");
  command->add_option("--temperature", flags->temperatures, "T of exp(-U/T), one or several [1: equation (1)]")
      ->delimiter(',')
      ->type_name("T,T...");
  command
      ->add_option(
          "--base", flags->base,
          "uniform within the clamp; data: a Gaussian for each pixel fitted to training images; or the standard "
          "deviation of one around 0 [uniform, or the Gaussian reference]")
      ->type_name("uniform|data|SD");
  command->add_option("--reverse", flags->reverse, "what reverse chains start from [samples]")
      ->type_name("samples|data");
  command->add_option("--seed", flags->seed, "seed of all chains [1]")->type_name("N");
  add_data_option(*command, flags->data);
  command->add_option("--json", flags->json, "all figures as JSON [loglik.json in the run's folder]")
      ->type_name("FILE");
  command->callback([flags] {
    EBM_CHECK(flags->reverse == "samples" || flags->reverse == "data", "--reverse", "\"" + flags->reverse + "\"",
              "samples or data");
    flags->json = output_path(flags->json, flags->model.run, "loglik.json");
    std::unique_ptr<Trainer> model = load_model(flags->model, {Ability::energy});
    if (model->abilities().posterior)
      loglik_in_z(*flags, std::move(model));
    else if (model->abilities().tilt)
      loglik_of_tilt(*flags, std::move(model));
    else
      run_command<Loglik>(*flags, std::move(model));
  });
}

}  // namespace ebm
