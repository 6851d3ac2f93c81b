#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/memory.h"
#include "core/precision.h"
#include "kernels/conv_plan.h"
#include "tools/bench.h"
#include "tools/bench_cases.h"
#include "tools/settings_flags.h"

namespace ebm {
namespace {

constexpr std::array kParts = {"ops", "langevin", "training"};

struct BenchFlags {
  std::vector<std::string> nets{"mnist"};
  std::vector<std::string> parts{kParts.begin(), kParts.end()};
  std::string batch, threads;
  std::string device = "auto";
  std::string precision = "fp32";
  std::string json;
};

struct NetResult {
  std::string net;
  int64_t batch;
  std::vector<Measurement> rows;
};

void print_net(const NetResult& result, double peak) {
  size_t width = 0;
  for (const Measurement& m : result.rows) width = std::max(width, m.name.size());
  fmt::print("\n{}, batch {}\n{:<{}} {:>10} {:>9} {:>6} {:>8}  {}\n", result.net, result.batch, "",
             width, "ms", "GFLOP/s", "peak", "GB/s", "plan");
  for (const Measurement& m : result.rows) {
    const double seconds = 1e-3 * m.milliseconds;
    fmt::print("{:<{}} {:>10.3f} ", m.name, width, m.milliseconds);
    if (m.flops > 0)
      fmt::print("{:>9.1f} {:>5.0f}% ", 1e-9 * m.flops / seconds, 100 * m.flops / seconds / peak);
    else
      fmt::print("{:>9} {:>6} ", "", "");
    fmt::print("{:>8}  {}\n", m.bytes > 0 ? fmt::format("{:.1f}", 1e-9 * m.bytes / seconds) : "",
               m.plan);
  }
}

// The network and the chain, so that another program can compute the same (bench_torch.py).
nlohmann::json step_to_json(const Settings& s) {
  const EnergyConfig energy = networks(s).energy;
  nlohmann::json convs = nlohmann::json::array();
  for (const ConvLayer& layer : energy.layers)
    convs.push_back({{"channels", layer.channels},
                     {"kernel", layer.kernel},
                     {"stride", layer.stride},
                     {"pad", {layer.pad.before, layer.pad.after}}});
  return {{"image", {energy.image.height, energy.image.width, energy.image.channels}},
          {"convs", convs},
          {"negative_slope", energy.negative_slope},
          {"outputs", energy.outputs},
          {"num_steps", s.num_steps},
          {"drift", s.drift},
          {"noise", s.noise * s.noise_scale},
          {"sigma_ref", s.sigma_ref},
          {"clamp", s.clamp}};
}

nlohmann::json to_json(const NetResult& result, double peak) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Measurement& m : result.rows) {
    const double seconds = 1e-3 * m.milliseconds;
    nlohmann::json row{{"part", m.part}, {"name", m.name}, {"ms", m.milliseconds}};
    if (m.flops > 0) {
      row["gflops"] = 1e-9 * m.flops / seconds;
      row["fraction_of_peak"] = m.flops / seconds / peak;
    }
    if (m.bytes > 0) row["gb_per_s"] = 1e-9 * m.bytes / seconds;
    if (!m.plan.empty()) row["plan"] = m.plan;
    rows.push_back(row);
  }
  return {{"net", result.net},
          {"batch", result.batch},
          {"step", step_to_json(bench_settings(result.net))},
          {"rows", rows}};
}

void run_bench(const BenchFlags& flags) {
  for (const std::string& net : flags.nets) bench_settings(net);  // throws for an unknown one
  for (const std::string& part : flags.parts)
    EBM_CHECK(std::find(kParts.begin(), kParts.end(), part) != kParts.end(), "--only",
              "\"" + part + "\"", "ops, langevin or training");
  const int64_t batch = flags.batch.empty() ? 0 : parse_count("batch", flags.batch, 1);
  apply_threads(flags.threads);
  // Opened first: minutes of measuring should not end at an unwritable path.
  std::ofstream json_file;
  const std::string json_problem = "cannot write \"" + flags.json + "\"";
  if (!flags.json.empty()) {
    json_file.open(flags.json);
    EBM_CHECK(json_file, "bench", json_problem, "a writable path after --json");
  }
  set_precision(parse_precision(flags.precision));
  const Device device = parse_device(flags.device);
  const auto wants = [&](const char* part) {
    return std::find(flags.parts.begin(), flags.parts.end(), part) != flags.parts.end();
  };
  const std::string date = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
  fmt::print("{}: {}, {}\n", to_string(device), describe(device), date);

  const double peak_before = matrix_peak(device);
  std::vector<NetResult> results;
  for (const std::string& net : flags.nets) {
    const Settings settings = bench_settings(net);
    NetResult result{net, batch > 0 ? batch : net == "cifar10" ? 25 : 100, {}};
    if (wants("ops")) result.rows = measure_ops(settings, result.batch, device);
    if (wants("langevin")) result.rows.push_back(measure_langevin(settings, result.batch, device));
    if (wants("training"))
      for (const Measurement& m : measure_training(settings, device)) result.rows.push_back(m);
    results.push_back(result);
  }
  const double peak_after = matrix_peak(device);
  // The larger one: a disturbed peak must not flatter what is compared with it.
  const double peak = std::max(peak_before, peak_after);
  fmt::print("matrix peak: {:.1f} GFLOP/s (before {:.1f}, after {:.1f})\n", 1e-9 * peak,
             1e-9 * peak_before, 1e-9 * peak_after);
  for (const NetResult& result : results) print_net(result, peak);
  fmt::print("\npeak memory in tensors: {:.0f} MB\n",
             1e-6 * static_cast<double>(memory_stats(device).peak_bytes_in_use));

  if (flags.json.empty()) return;
  nlohmann::json json{{"device", to_string(device)},
                      {"machine", describe(device)},
                      {"date", date},
                      {"threads", num_threads()},
                      {"peak_gflops", 1e-9 * peak},
                      {"peak_gflops_before", 1e-9 * peak_before},
                      {"peak_gflops_after", 1e-9 * peak_after},
                      {"conv_plans", cpu::plans_to_string()},
                      {"nets", nlohmann::json::array()}};
  json["precision"] = flags.precision;
  for (const NetResult& result : results) json["nets"].push_back(to_json(result, peak));
  json_file << json.dump(2) << '\n';
  json_file.close();
  EBM_CHECK(json_file, "bench", json_problem, "room for the file after --json");
}

}  // namespace

void add_bench_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("bench", "time ops, Langevin steps and training iterations");
  auto flags = std::make_shared<BenchFlags>();
  command
      ->add_option("--net", flags->nets,
                   "which networks: the paper's or the laptop profile's [mnist]")
      ->delimiter(',')
      ->type_name("mnist,cifar10,laptop");
  command->add_option("--only", flags->parts, "what to measure [all of them]")
      ->delimiter(',')
      ->type_name("ops,langevin,training");
  command->add_option("--batch", flags->batch, "images in ops and chains [100; cifar10 25]")
      ->type_name("N");
  command->add_option("--device", flags->device, "auto: a GPU if there is one")
      ->type_name("auto|cpu|cuda|cuda:N");
  command->add_option("--threads", flags->threads, "CPU threads [all cores]")->type_name("N");
  command
      ->add_option("--precision", flags->precision,
                   "arithmetic of convolutions and products; on the CPU emulated by rounding, slower [fp32]")
      ->type_name("fp32|tf32|bf16");
  command->add_option("--json", flags->json, "also write the figures to this file")
      ->type_name("FILE");
  command->callback([flags] { run_bench(*flags); });
}

}  // namespace ebm
