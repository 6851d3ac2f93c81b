#include <chrono>

#include <fmt/format.h>

#include "kernels/chain/langevin_conv.h"
#include "kernels/conv/conv.h"
#include "models/energy.h"
#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_clock.h"
#include "train/chains/recorded_chain.h"
#include "train/trainer.h"

namespace ebm {
namespace {

double macs(const std::vector<PlacedLayer>& layers) {
  double sum = 0;
  for (const PlacedLayer& at : layers) sum += at.macs();
  return sum;
}

// Floating-point operations of a step of one chain. ∂f/∂x costs as much as the maps; the head takes none.
double langevin_flops(const NetworkConfig& config) { return 2 * 2 * macs(convolutions_of(config, 1)); }

// Bytes of one Langevin step that goes layer by layer: forward reads the input and writes the output, the
// gradient reads that of the output and the output's signs and writes that of the input; weights are read
// in each direction; the head's are read and written out as the last map's gradient; the update reads and writes x.
// Of a fused step ∂f/∂x is not in memory; with bf16 maps the first layer reads x as bf16, which is written before.
double langevin_bytes(const NetworkConfig& config, int64_t batch, Device device) {
  const bool bf16 = chain_maps(device) == ElementType::bf16;
  const double map_size = bf16 ? sizeof(Bf16) : sizeof(float);
  const std::vector<PlacedLayer> convs = convolutions_of(config, batch);
  const PlacedLayer& first = convs.front();
  const double pixels = static_cast<double>(first.x.size());
  double bytes = pixels * (2 * sizeof(float) + (bf16 ? 2 : 1) * map_size);  // the update; what the first layer reads
  if (!prefer_langevin_step_conv(device, first.x, first.weight, first.geometry))
    bytes += pixels * 2 * map_size;  // ∂f/∂x
  for (const PlacedLayer& at : convs) {
    const double inner = &at == &first ? 0 : 2 * static_cast<double>(at.x.size());
    bytes += map_size * (inner + static_cast<double>(3 * at.y.size() + 2 * at.weight.size()));
  }
  const double head = static_cast<double>(convs.back().y.size() / batch);
  return bytes + map_size * head * static_cast<double>(batch) + sizeof(float) * head;
}

// Floating-point operations of one training iteration.
double iteration_flops(const TeachingSettings& s) {
  // a gradient with respect to x costs as much as the value; one for all parameters twice as much
  const ImageMacs image = image_macs(s);
  const double chains = static_cast<double>(s.chains), batch = static_cast<double>(s.batch);
  return chains * s.chain.steps * langevin_flops(networks(s).energy) +
         2 * (chains * image.generator + (chains + batch) * 3 * image.energy +
              chains * 3 * (image.encoder + image.generator));
}

}  // namespace

Measurement measure_langevin(const TeachingSettings& settings, int64_t batch, Device device) {
  const NetworkConfig config = networks(settings).energy;
  const EnergyNet energy(config, device, 1);
  const ImageShape image = energy.image();
  Tensor x = random_tensor({batch, image.height, image.width, image.channels}, device);  // (N,H,W,C)
  const int64_t steps = settings.chain.steps;
  const LangevinStep step = langevin_step_of(settings.chain);
  RecordedChain recorded(energy, x.shape(), device, steps, step, {1, Stream::langevin, 0, 0});
  const auto chain = [&] { recorded.run(x, 0); };
  const double seconds = median_seconds(device, chain, 4.0);
  return {.part = "langevin",
          .name = fmt::format("langevin step, batch {}, chain of {}", batch, steps),
          .milliseconds = 1e3 * seconds / static_cast<double>(steps),
          .flops = langevin_flops(config) * static_cast<double>(batch),
          .bytes = langevin_bytes(config, batch, device),
          .calls = calls_of(chain) / static_cast<double>(steps),
          .kernels = kernels_of(chain) / static_cast<double>(steps),
          .plan = ""};
}

IterationTimes time_iterations(const TeachingSettings& settings, Device device) {
  constexpr int kLeastIterations = 3, kMostIterations = 25;
  constexpr double kBudget = 5.0;  // seconds
  Trainer trainer(settings, device);
  const ImageShape image = image_of(networks(settings).energy.input);
  const Tensor x = random_tensor({settings.batch, image.height, image.width, image.channels}, device);
  IterationTimes times;
  double spent = 0;
  const int together = device.is_cuda() ? 8 : 1;  // iterations begun before one waits
  for (int i = 0; i < 2; ++i) trainer.step(x);    // plans, memory and, on a GPU, the record
  for (int i = 0; i < kMostIterations && (i < kLeastIterations || spent < kBudget); ++i) {
    const auto begin = std::chrono::steady_clock::now();
    times.kernels = kernels_of([&] { times.calls = calls_of([&] { trainer.begin_step(x); }); });
    for (int k = 1; k < together; ++k) trainer.begin_step(x);
    const Metrics m = trainer.finish_steps().back();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    times.ancestral.push_back(m["seconds_ancestral"]);
    times.langevin.push_back(m["seconds_langevin"]);
    times.vae.push_back(m["seconds_vae"]);
    times.energy.push_back(m["seconds_energy"]);
    times.adam.push_back(m["seconds_adam"]);
    times.whole.push_back(seconds / together);
    spent += seconds;
  }
  return times;
}

std::vector<Measurement> measure_training(const TeachingSettings& settings, Device device) {
  const IterationTimes times = time_iterations(settings, device);
  const double chain_flops =
      langevin_flops(networks(settings).energy) * static_cast<double>(settings.chains * settings.chain.steps);
  const std::string iteration =
      fmt::format("iteration, batch {}, {} chains of {}", settings.batch, settings.chains, settings.chain.steps);
  const auto row = [](const std::string& name, const std::vector<double>& seconds, double flops) {
    return Measurement{
        .part = "training", .name = name, .milliseconds = 1e3 * median(seconds), .flops = flops, .plan = ""};
  };
  Measurement first = row(iteration, times.whole, iteration_flops(settings));
  first.calls = times.calls;
  first.kernels = times.kernels;
  return {first,
          row("  1 ancestral samples", times.ancestral, 0),
          row("  2 langevin", times.langevin, chain_flops),
          row("  3 gradient of the vae", times.vae, 0),
          row("  4 gradient of the energy", times.energy, 0),
          row("  5 adam", times.adam, 0)};
}

}  // namespace ebm
