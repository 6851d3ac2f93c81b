// `ebm precision`: which arithmetic a network's Langevin chain bears.
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "kernels/conv/conv_plan.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "tools/bench/bench_cases.h"
#include "tools/ebm_commands.h"
#include "tools/evaluate/gradient_precision.h"
#include "tools/settings_flags.h"

namespace ebm {
namespace {

struct PrecisionFlags {
  std::vector<std::string> nets, runs;
  std::string n = "4", seed = "1", device = "auto", threads;
};

constexpr int64_t kMostImages = 256;  // the reference in double takes up to a second an image

double root_mean_square(const std::vector<double>& v) {
  double sum = 0;
  for (double x : v) sum += x * x;
  return std::sqrt(sum / static_cast<double>(v.size()));
}

void print_row(const char* label, const GradientError& error, double drift, double noise) {
  fmt::print("  {:<18}{:>16.2e}{:>16.2e}{:>12.1e}{:>16}\n", label, error.relative, error.worst, error.along,
             noise > 0 ? fmt::format("{:.2e}", drift * error.rms / noise) : "");
}

// The gradient at the network's own samples. f is piecewise linear: where rounding turns the sign of a unit,
// the gradient jumps to a neighbouring piece's. So the yardstick is how much the exact gradient itself
// changes when x moves by the noise of one step.
void report(const std::string& title, Trainer& trainer, int64_t n, uint64_t seed) {
  const ChainSettings& s = trainer.abilities().chain;
  const RandomKey key{seed, Stream::sample, 0, 0};
  const Tensor x = trainer.sample(n, key, s.steps, s.noise_scale).last();  // (n,H,W,C)
  const EnergyNet& energy = *trainer.abilities().energy_net;
  const std::vector<double> reference = reference_gradient(energy, x);
  const double gradient = root_mean_square(reference);
  Tensor moved = Tensor::empty(x.shape(), x.device());
  fill_normal(moved, {seed, Stream::sample_noise, 0, 0}, 0.0f, static_cast<float>(s.noise));
  add_scaled(moved, x, 1.0f);

  fmt::print("\n{}: {} images, iteration {}\n", title, n, trainer.iteration());
  fmt::print("  root mean square a pixel: ∂f/∂x {:.3g}; in one step (δ²/2)·∂f/∂x {:.3g}, noise δ {:.3g}\n", gradient,
             s.drift * gradient, s.noise);
  fmt::print("  {:<18}{:>16}{:>16}{:>12}{:>16}\n", "", "relative error", "worst image", "along it", "step / noise");
  for (const Precision p : {Precision::fp32, Precision::tf32, Precision::bf16})
    print_row(name(p), gradient_error(energy, x, reference, p), s.drift, s.noise);
  const std::vector<double> there = reference_gradient(energy, moved);
  print_row("fp64 at x + noise", gradient_error(there, reference, n), s.drift, s.noise);
}

void compare(const PrecisionFlags& flags) {
  EBM_CHECK(!flags.nets.empty() || !flags.runs.empty(), "ebm precision", "neither --net nor --run", "one of them");
  const int64_t n = parse_count("n", flags.n, 1);
  EBM_CHECK(n <= kMostImages, "--n", flags.n, fmt::format("1 to {}", kMostImages));
  const auto seed = static_cast<uint64_t>(parse_count("seed", flags.seed, 0));
  for (const std::string& net : flags.nets) bench_settings(net);  // throws for an unknown one
  apply_threads(flags.threads);
  const Device device = parse_device(flags.device);
  const auto model_of = [&](const std::string& run) {  // in its own arithmetic, which loading it sets
    auto model = load_model({.run = run, .device = flags.device, .threads = flags.threads}, {Ability::energy});
    EBM_CHECK(model->abilities().energy_net, "--run", run + " of method " + model->settings().method,
              "a run with an energy net of images");
    return model;
  };
  for (const std::string& run : flags.runs) model_of(run);  // what is wrong is told before anything else
  fmt::print("{}: {}{}\n", to_string(device), describe(device),
             device.is_cuda()         ? ""
             : cpu::multiplies_bf16() ? ", tf32 emulated by rounding operands, bf16 as the processor's chains have it"
                                      : ", tf32 and bf16 emulated by rounding operands");
  cpu::set_plan_timing(false);  // the same command gives the same bits
  for (const std::string& net : flags.nets) {
    Trainer trainer(bench_settings(net), device);
    report(net + ", untrained", trainer, n, seed);
  }
  for (const std::string& run : flags.runs) report(run, *model_of(run), n, seed);
}

}  // namespace

void add_precision_command(CLI::App& app) {
  auto flags = std::make_shared<PrecisionFlags>();
  CLI::App* command =
      app.add_subcommand("precision", "error of the energy's gradient in fp32, tf32, bf16 against fp64");
  command->add_option("--net", flags->nets, "untrained networks: the paper's or the laptop profile's")
      ->delimiter(',')
      ->type_name("mnist,cifar10,laptop");
  command
      ->add_option("runs,--run", flags->runs, "trained ones: folders of runs, or checkpoint files, by --run or alone")
      ->delimiter(',')
      ->type_name("DIR|FILE,...");
  command->add_option("--n", flags->n, "images, samples of the network itself [4]")->type_name("N");
  command->add_option("--seed", flags->seed, "seed of the samples [1]")->type_name("N");
  command->add_option("--device", flags->device, "auto: a GPU if there is one")->type_name("auto|cpu|cuda|cuda:N");
  command->add_option("--threads", flags->threads, "CPU threads [all cores]")->type_name("N");
  command->callback([flags] { compare(*flags); });
}

}  // namespace ebm
