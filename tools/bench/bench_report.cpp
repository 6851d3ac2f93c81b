#include "tools/bench/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ebm {
namespace {

// The layers with weights; each has the normalisation and the leaky ReLU that follow it.
nlohmann::json layers_to_json(const std::vector<PlacedLayer>& layers) {
  nlohmann::json result = nlohmann::json::array();
  for (size_t i = 0; i < layers.size(); ++i) {
    const PlacedLayer& at = layers[i];
    if (at.weight.rank() == 0) continue;
    const Padding& pad = at.geometry.pad_h;
    result.push_back({{"channels", at.outputs()},
                      {"kernel", at.weight[1]},
                      {"stride", at.geometry.stride_h},
                      {"pad", {pad.before, pad.after}},
                      {"negative_slope", at.bias ? at.slope : layers[i + 1].slope},  // behind its normalisation
                      {"batch_norm", !at.bias}});
  }
  return result;
}

// The energy's network and the chain, so that another program can compute the same (bench_torch.py).
nlohmann::json step_to_json(const TeachingSettings& s) {
  const NetworkConfig energy = networks(s).energy;
  const std::vector<PlacedLayer> convs = convolutions_of(energy, 1);
  return {{"image", {energy.input[1], energy.input[2], energy.input[3]}},
          {"convs", layers_to_json(convs)},
          {"outputs", walk(energy).back().outputs()},
          {"num_steps", s.chain.steps},
          {"drift", s.chain.drift},
          {"noise", s.chain.noise * s.chain.noise_scale},
          {"sigma_ref", s.chain.sigma_ref},
          {"clamp", s.chain.clamp}};
}

float dropout_keep(const NetworkConfig& config) {
  for (const Layer& layer : config.layers)
    if (const auto* dropout = std::get_if<Dropout>(&layer)) return dropout->keep;
  return 1;
}

// What an iteration needs beside the step.
nlohmann::json training_to_json(const TeachingSettings& s) {
  const TeachingNetworks n = networks(s);
  return {{"batch", s.batch},
          {"chains", s.chains},
          {"latent", s.latent},
          {"encoder", {{"layers", layers_to_json(walk(n.encoder))}, {"dropout_keep", dropout_keep(n.encoder)}}},
          {"generator", {{"layers", layers_to_json(walk(n.generator))}}},
          {"energy_lr", s.energy_lr},
          {"vae_lr", s.vae_lr},
          {"beta1", s.adam_beta1},
          {"beta2", s.adam_beta2},
          {"kl_weight", s.kl_weight}};
}

// "12.3  45%", or nothing where there is nothing to say; "12.3" without a ceiling.
std::string rate(double work, double seconds, double unit, double ceiling) {
  if (work <= 0) return "";
  if (ceiling <= 0) return fmt::format("{:.1f}", work / seconds / unit);
  return fmt::format("{:.1f} {:>4.0f}%", work / seconds / unit, 100 * work / seconds / ceiling);
}

}  // namespace

void print_ceilings(const Ceilings& before, const Ceilings& after) {
  const Ceilings best = larger(before, after);
  fmt::print("matrix peak: {:.1f} GFLOP/s (before {:.1f}, after {:.1f})\n", 1e-9 * best.matrix, 1e-9 * before.matrix,
             1e-9 * after.matrix);
  fmt::print("copy bandwidth: {:.1f} GB/s (before {:.1f}, after {:.1f})\n", 1e-9 * best.copy, 1e-9 * before.copy,
             1e-9 * after.copy);
}

void print_net(const NetResult& result, const Ceilings& ceilings, Device device) {
  const bool gpu = device.is_cuda();
  size_t width = 0;
  for (const Measurement& m : result.rows) width = std::max(width, m.name.size());
  fmt::print("\n{}, batch {}\n{:<{}} {:>10} {:>16} {:>9} {:>16}  {}\n", result.net, result.batch, "", width, "ms",
             gpu ? "TFLOP/s of peak" : "GFLOP/s of peak", "MB", "GB/s of copy",
             gpu ? "  calls launches  plan" : "plan");
  for (const Measurement& m : result.rows) {
    const double seconds = 1e-3 * m.milliseconds;
    fmt::print("{:<{}} {:>10.{}f} {:>16} {:>9} {:>16}  {}\n", m.name, width, m.milliseconds, gpu ? 4 : 3,
               rate(m.flops, seconds, gpu ? 1e12 : 1e9, ceilings.matrix),
               m.bytes > 0 ? fmt::format("{:.1f}", 1e-6 * m.bytes) : "", rate(m.bytes, seconds, 1e9, ceilings.copy),
               gpu ? fmt::format("{:>7.4g} {:>8.4g}  {}", m.calls, m.kernels, m.plan) : m.plan);
  }
}

nlohmann::json to_json(const NetResult& result, const Ceilings& ceilings) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Measurement& m : result.rows) {
    const double seconds = 1e-3 * m.milliseconds;
    nlohmann::json row{{"part", m.part}, {"name", m.name}, {"ms", m.milliseconds}};
    if (m.flops > 0) {
      row["gflops"] = 1e-9 * m.flops / seconds;
      if (ceilings.matrix > 0) row["fraction_of_peak"] = m.flops / seconds / ceilings.matrix;
    }
    if (m.bytes > 0) {
      row["mb"] = 1e-6 * m.bytes;
      row["gb_per_s"] = 1e-9 * m.bytes / seconds;
      if (ceilings.copy > 0) row["fraction_of_copy"] = m.bytes / seconds / ceilings.copy;
    }
    if (m.calls > 0) row["calls"] = m.calls;
    if (m.kernels > 0) row["launches"] = m.kernels;
    if (!m.plan.empty()) row["plan"] = m.plan;
    rows.push_back(row);
  }
  return {{"net", result.net},
          {"batch", result.batch},
          {"step", step_to_json(bench_settings(result.net))},
          {"training", training_to_json(bench_settings(result.net))},
          {"rows", rows}};
}

void print_comm_head() {
  fmt::print("{:<12} {:<30} {:>12} {:>12} {:>12} {:>12} {:>9}\n", "call", "of", "bytes", "median us", "least us",
             "worst us", "GB/s");
}

void print_comm(const CommTime& time, int ranks) {
  const double rate = ring_rate(time, ranks);
  fmt::print("{:<12} {:<30} {:>12} {:>12.1f} {:>12.1f} {:>12.1f} {:>9}\n", time.of.call, time.of.what, time.of.bytes,
             time.microseconds, time.least, time.worst, rate > 0 ? fmt::format("{:.2f}", rate) : "");
}

nlohmann::json to_json(const CommTime& time, int ranks) {
  nlohmann::json row{{"call", time.of.call},    {"of", time.of.what},     {"bytes", time.of.bytes},
                     {"us", time.microseconds}, {"least_us", time.least}, {"worst_us", time.worst},
                     {"rounds", time.rounds}};
  if (const double rate = ring_rate(time, ranks); rate > 0) row["gb_per_s"] = rate;
  return row;
}

void print_share_head(const std::string& net, const TeachingSettings& whole) {
  fmt::print("\n{}, batch {}, {} chains of {}: an iteration of the largest share, in ms\n", net, whole.batch,
             whole.chains, whole.chain.steps);
  fmt::print("{:>5} {:>6} {:>7} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>9} {:>10}\n", "ranks",
             "batch", "chains", "median", "least", "most", "ancestral", "langevin", "vae", "energy", "adam", "speed-up",
             "efficiency");
}

void print_share(const ShareTime& time, const ShareTime& whole) {
  const double faster = whole.milliseconds / time.milliseconds;
  fmt::print(
      "{:>5} {:>6} {:>7} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f} {:>9.2f} "
      "{:>9.0f}%\n",
      time.ranks, time.batch, time.chains, time.milliseconds, time.least, time.most, time.ancestral, time.langevin,
      time.vae, time.energy, time.adam, faster, 100 * faster / static_cast<double>(time.ranks));
}

nlohmann::json to_json(const std::string& net, const TeachingSettings& whole, const std::vector<ShareTime>& times) {
  const LayerCosts costs = layer_costs(whole);
  const auto of = [](const std::vector<LayerCost>& network) {
    nlohmann::json list = nlohmann::json::array();
    for (const LayerCost& layer : network)
      list.push_back({{"bytes", layer.parameters * static_cast<int64_t>(sizeof(float))}, {"macs", layer.macs}});
    return list;
  };
  const std::vector<Layer> layers = networks(whole).generator.layers;
  const auto norms = std::count_if(layers.begin(), layers.end(),
                                   [](const Layer& layer) { return std::holds_alternative<BatchNorm>(layer); });
  nlohmann::json rows = nlohmann::json::array();
  for (const ShareTime& time : times) {
    nlohmann::json row{{"ranks", time.ranks},
                       {"batch", time.batch},
                       {"chains", time.chains},
                       {"ms", time.milliseconds},
                       {"least_ms", time.least},
                       {"most_ms", time.most},
                       {"phases_ms",
                        {{"ancestral", time.ancestral},
                         {"langevin", time.langevin},
                         {"vae", time.vae},
                         {"energy", time.energy},
                         {"adam", time.adam}}}};
    if (time.kernels > 0) row["launches"] = time.kernels;
    rows.push_back(row);
  }
  return {
      {"net", net},
      {"batch", whole.batch},
      {"chains", whole.chains},
      {"steps", whole.chain.steps},
      {"batch_norms", norms},
      {"layers", {{"encoder", of(costs.encoder)}, {"generator", of(costs.generator)}, {"energy", of(costs.energy)}}},
      {"rows", rows}};
}

}  // namespace ebm
