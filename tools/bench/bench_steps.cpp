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

// Multiply-adds of one image's convolution; `map` becomes its output's shape.
double conv_macs(Shape& map, int64_t channels, int kernel, const ConvGeometry& geometry) {
  const Shape w{channels, kernel, kernel, map[3]};
  map = conv2d_shape(map, w, geometry);
  return static_cast<double>(map.size()) * kernel * kernel * w[3];
}

// Multiply-adds of one image up to the map below the head; `map` becomes that map's shape.
double feature_macs(const EnergyConfig& config, Shape& map) {
  map = {1, config.image.height, config.image.width, config.image.channels};
  double macs = 0;
  for (const ConvLayer& l : config.layers) macs += conv_macs(map, l.channels, l.kernel, {l.stride, l.pad});
  return macs;
}

// Multiply-adds of f for one image, the head's outputs summed into one.
double energy_macs(const EnergyConfig& config) {
  Shape map;
  const double macs = feature_macs(config, map);
  return macs + static_cast<double>(map.size());
}

// Floating-point operations of a step of one chain. ∂f/∂x costs as much as the maps; the head takes none.
double langevin_flops(const EnergyConfig& config) {
  Shape map;
  return 2 * 2 * feature_macs(config, map);
}

// Bytes of one Langevin step that goes layer by layer: forward reads the input and writes the output, the
// gradient reads that of the output and the output's signs and writes that of the input; weights are read
// in each direction; the head's are read and written out as the last map's gradient; the update reads and writes x.
// Of a fused step ∂f/∂x is not in memory; with bf16 maps the first layer reads x as bf16, which is written before.
double langevin_bytes(const EnergyConfig& config, int64_t batch, Device device) {
  const bool bf16 = chain_maps(device) == ElementType::bf16;
  const double map_size = bf16 ? sizeof(Bf16) : sizeof(float);
  Shape map{batch, config.image.height, config.image.width, config.image.channels};
  const ConvLayer& first = config.layers.front();
  const bool fused = prefer_langevin_step_conv(device, map, {first.channels, first.kernel, first.kernel, map[3]},
                                               {first.stride, first.pad});
  const double pixels = static_cast<double>(map.size());
  double bytes = pixels * (2 * sizeof(float) + (bf16 ? 2 : 1) * map_size);  // the update; what the first layer reads
  if (!fused) bytes += pixels * 2 * map_size;                               // ∂f/∂x
  for (const ConvLayer& l : config.layers) {
    const Shape w{l.channels, l.kernel, l.kernel, map[3]};
    const Shape out = conv2d_shape(map, w, {l.stride, l.pad});
    const double inner = &l == &first ? 0 : 2 * static_cast<double>(map.size());
    bytes += map_size * (inner + static_cast<double>(3 * out.size() + 2 * w.size()));
    map = out;
  }
  const double head = static_cast<double>(map.size() / batch);
  return bytes + map_size * head * static_cast<double>(batch) + sizeof(float) * head;
}

// Floating-point operations of one training iteration.
double iteration_flops(const TeachingSettings& s) {
  const NetworkConfigs n = networks(s);
  double encoder = 0, generator = 0;  // multiply-adds of one image
  Shape map{1, n.encoder.image.height, n.encoder.image.width, n.encoder.image.channels};
  for (const ConvLayer& l : n.encoder.layers) encoder += conv_macs(map, l.channels, l.kernel, {l.stride, l.pad});
  encoder += 2.0 * static_cast<double>(map.size() * n.encoder.latent);
  map = {1, 1, 1, n.generator.latent};
  for (const GeneratorLayer& l : n.generator.layers) {
    const Shape w{map[3], l.kernel, l.kernel, l.channels};
    generator += static_cast<double>(map.size()) * l.kernel * l.kernel * l.channels;
    map = conv_transpose2d_shape(map, w, {l.stride, l.pad});
  }
  // a gradient with respect to x costs as much as the value; one for all parameters twice as much
  const double energy = energy_macs(n.energy);
  const double chains = static_cast<double>(s.chains), batch = static_cast<double>(s.batch);
  return chains * s.chain.steps * langevin_flops(n.energy) +
         2 * (chains * generator + (chains + batch) * 3 * energy + chains * 3 * (encoder + generator));
}

}  // namespace

Measurement measure_langevin(const TeachingSettings& settings, int64_t batch, Device device) {
  const EnergyConfig config = networks(settings).energy;
  const EnergyNet energy(config, device, 1);
  const ImageShape image = config.image;
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

std::vector<Measurement> measure_training(const TeachingSettings& settings, Device device) {
  constexpr int kLeastIterations = 3, kMostIterations = 25;
  constexpr double kBudget = 5.0;  // seconds
  Trainer trainer(settings, device);
  const ImageShape image = networks(settings).energy.image;
  const Tensor x = random_tensor({settings.batch, image.height, image.width, image.channels}, device);
  std::vector<double> ancestral, langevin, energy, vae, whole;
  double spent = 0, calls = 0, kernels = 0;
  const int together = device.is_cuda() ? 8 : 1;  // iterations begun before one waits
  for (int i = 0; i < 2; ++i) trainer.step(x);    // plans, memory and, on a GPU, the record
  for (int i = 0; i < kMostIterations && (i < kLeastIterations || spent < kBudget); ++i) {
    const auto begin = std::chrono::steady_clock::now();
    kernels = kernels_of([&] { calls = calls_of([&] { trainer.begin_step(x); }); });
    for (int k = 1; k < together; ++k) trainer.begin_step(x);
    const Metrics m = trainer.finish_steps().back();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    ancestral.push_back(m["seconds_ancestral"]);
    langevin.push_back(m["seconds_langevin"]);
    energy.push_back(m["seconds_energy"]);
    vae.push_back(m["seconds_vae"]);
    whole.push_back(seconds / together);
    spent += seconds;
  }
  const double chain_flops =
      langevin_flops(networks(settings).energy) * static_cast<double>(settings.chains * settings.chain.steps);
  const std::string iteration =
      fmt::format("iteration, batch {}, {} chains of {}", settings.batch, settings.chains, settings.chain.steps);
  const auto row = [](const std::string& name, const std::vector<double>& seconds, double flops) {
    return Measurement{
        .part = "training", .name = name, .milliseconds = 1e3 * median(seconds), .flops = flops, .plan = ""};
  };
  Measurement first = row(iteration, whole, iteration_flops(settings));
  first.calls = calls;
  first.kernels = kernels;
  return {first, row("  1 ancestral samples", ancestral, 0), row("  2 langevin", langevin, chain_flops),
          row("  3 energy update", energy, 0), row("  4 vae update", vae, 0)};
}

}  // namespace ebm
