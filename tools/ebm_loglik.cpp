#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
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

struct LoglikFlags {
  ModelFlags model;
  std::string n = "1000", chains = "16", steps = "500", leapfrog = "5", seed = "1";
  std::string base, reverse = "samples", data, json;
  std::vector<double> temperatures;
};

// The first n images of a split in [-1, 1], (n, H, W, C).
std::vector<float> images_of(const std::string& name, const std::string& data, Split split, int64_t n) {
  const Dataset dataset = load_or_fetch(name, data, split, say);
  if (!dataset.note.empty()) say("note: " + dataset.note);
  std::vector<float> images;
  const int64_t values = std::min(n, dataset.count()) * dataset.images.image_elements();
  for (int64_t i = 0; i < values; ++i) images.push_back(to_float(dataset.images.pixels[static_cast<size_t>(i)]));
  return images;
}

DiagonalGaussian base_of(const LoglikFlags& flags, const std::string& data, const ChainSettings& s, ImageShape image,
                         Device device) {
  const Shape row{image.height, image.width, image.channels};
  const auto size = static_cast<size_t>(row.size());
  if (flags.base == "data")
    return fit_gaussian(images_of(data, flags.data, Split::train, kFitImages), row, kLeastSd, s.clamp, device);
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

void loglik(const LoglikFlags& flags) {
  const int64_t n = parse_count("n", flags.n, 1), chains = parse_count("chains", flags.chains, 2, kMostChains);
  AnnealingPlan plan{chains, parse_count("steps", flags.steps, 1, kMostSteps),
                     parse_count("leapfrog", flags.leapfrog, 1, kMostLeapfrogSteps),
                     static_cast<uint64_t>(parse_count("seed", flags.seed, 0))};
  for (const double t : flags.temperatures)
    EBM_CHECK(t > 0 && std::isfinite(t), "--temperature", fmt::format("{}", t), "more than 0");
  const auto trainer = load_model(flags.model, {Ability::energy});
  if (!flags.json.empty()) check_writable(flags.json);
  const Settings& s = trainer->settings();
  const ChainSettings& chain = trainer->abilities().chain;
  EBM_CHECK(chain.clamp > 0 || chain.sigma_ref > 0, "loglik", "a run with neither clamp nor sigma-ref",
            "one of them: without, exp(-U) may have no integral");
  const ImageShape image = trainer->abilities().image;
  const DiagonalGaussian base = base_of(flags, s.data, chain, image, trainer->device());
  std::vector<float> held_out = images_of(s.data, flags.data, Split::test, n);
  const int64_t dimensions = image.elements(), count = static_cast<int64_t>(held_out.size()) / dimensions;
  EBM_CHECK(count == n, "--n", flags.n, fmt::format("at most {}, the test images of {}", count, s.recipe));
  EBM_CHECK(flags.reverse != "data" || chains <= count, "--chains", flags.chains + " reverse chains from data",
            fmt::format("at most --n, {}", count));
  const Bits bits{dimensions, dequantise(held_out, chain.clamp, plan.seed) / static_cast<double>(count)};

  LangevinStep step = langevin_step_of(chain);
  const double chain_temperature = step.drift > 0 && step.noise > 0 ? langevin_temperature(step) : 1;
  std::vector<double> temperatures = flags.temperatures;
  if (temperatures.empty()) temperatures = {1};
  const int64_t run_length = trainer->abilities().usual.steps;
  const Tensor start =
      flags.reverse == "data"
          ? Tensor::from_host(std::span(held_out).first(static_cast<size_t>(chains * dimensions)),
                              {chains, image.height, image.width, image.channels}, trainer->device())
          : trainer->sample(chains, {plan.seed, Stream::sample, 0, 0}, run_length, chain.noise_scale).last();
  const std::vector<float> u = image_energies(*trainer, held_out);
  double base_nats = 0;
  for (int64_t i = 0; i < count; ++i)
    base_nats += base.log_density(std::span(held_out).subspan(static_cast<size_t>(i * dimensions),
                                                              static_cast<size_t>(dimensions))) /
                 static_cast<double>(count);

  fmt::print(
      "{} at iteration {}: mean log-likelihood of {} test images (with a grey level of uniform noise) under\n"
      "p(x) = exp(-U(x)/T)/Z{}; {} chains, {} steps of annealing from {}\n",
      s.recipe, trainer->iteration(), count, chain.clamp > 0 ? fmt::format(" on [-{0:g}, {0:g}]", chain.clamp) : "",
      chains, plan.steps, base_name(flags, chain));
  fmt::print("For comparison the base itself: {:.2f} nats, {:.3f} bits/dim\n", base_nats, bits(base_nats));
  if (std::none_of(temperatures.begin(), temperatures.end(),
                   [&](double t) { return same_temperature(t, chain_temperature); }))
    fmt::print("The run's Langevin step samples T = {0:.3g} (--temperature {0:.3g})\n", chain_temperature);
  std::fflush(stdout);
  const Potential energy = trainer->potential();
  nlohmann::json rows = nlohmann::json::array();
  for (const double t : temperatures) {
    plan.progress = [t, line = OccasionalLine()](const char* what, double share) mutable {
      line(fmt::format("T = {:.3g}: {:.2g} of {}", t, share, what));
    };
    const Likelihood l = likelihood(energy, u, t, base, start, plan);
    print(l, chain_temperature, bits, flags.reverse);
    rows.push_back(to_json(l, bits));
  }
  fmt::print(
      "\nTraining compared energies under short chains and never saw Z: no density was fitted by maximum\n"
      "likelihood, unless the chains mix (ebm diagnose).\n");
  if (flags.json.empty()) return;
  const nlohmann::json json{{"recipe", s.recipe},
                            {"iteration", trainer->iteration()},
                            {"n", count},
                            {"chains", chains},
                            {"steps", plan.steps},
                            {"leapfrog_steps", plan.leapfrog_steps},
                            {"seed", plan.seed},
                            {"base", base_name(flags, chain)},
                            {"base_nats", base_nats},
                            {"reverse_from", flags.reverse},
                            {"dimensions", dimensions},
                            {"temperatures", rows}};
  const std::string text = json.dump(2) + "\n";
  write_file_atomically(flags.json, std::as_bytes(std::span(text)));
}

}  // namespace

void add_loglik_command(CLI::App& app) {
  auto flags = std::make_shared<LoglikFlags>();
  CLI::App* command = app.add_subcommand("loglik", "log-likelihood of test images, by annealed importance sampling");
  flags->model.add_to(*command);
  command->add_option("--n", flags->n, "test images [1000]")->type_name("N");
  command->add_option("--chains", flags->chains, "annealed chains, each way [16]")->type_name("N");
  command->add_option("--steps", flags->steps, "distributions between base and model [500]")->type_name("N");
  command->add_option("--leapfrog", flags->leapfrog, "leapfrog steps of a move; 1: MALA [5]")->type_name("N");
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
      ->check(CLI::IsMember({"samples", "data"}))
      ->type_name("samples|data");
  command->add_option("--seed", flags->seed, "seed of all chains [1]")->type_name("N");
  add_data_option(*command, flags->data);
  command->add_option("--json", flags->json, "all figures as JSON")->type_name("FILE");
  command->callback([flags] { loglik(*flags); });
}

}  // namespace ebm
