#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/memory.h"
#include "core/precision.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/conv_plan.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_ceilings.h"
#include "tools/bench/bench_comm.h"
#include "tools/bench/bench_report.h"
#include "tools/bench/bench_share.h"
#include "tools/command.h"
#include "tools/settings_flags.h"
#include "tools/world.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr std::array kParts = {"ops", "langevin", "training"};

struct BenchFlags {
  std::vector<std::string> nets{"mnist"};
  std::vector<std::string> parts{kParts.begin(), kParts.end()};
  std::string batch, threads;
  std::string device = "auto";
  std::string precision = "auto";
  std::string json;
  bool no_ceilings = false;
  bool comm = false;
  std::vector<std::string> shares;
};

std::string now() { return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr))); }

// What every file of figures says first.
nlohmann::json head_of_json(Device device, const std::string& date) {
  return {{"device", to_string(device)}, {"machine", describe(device)}, {"date", date}, {"threads", num_threads()}};
}

nlohmann::json with_precisions(nlohmann::json json) {
  json["precision"] = name(precision());
  json["precision_of_chains"] = name(chain_precision());
  return json;
}

// One mode for all that is measured, chains included, where none is asked for: their share of the peak is that of one
// arithmetic.
void apply_precision(const BenchFlags& flags, Device device) {
  const std::string mode = flags.precision == "auto" ? name(default_precision(device)) : flags.precision;
  set_precisions(choose_precisions(mode, device, bench_settings(flags.nets.front())));
}

void run_comm(const BenchFlags& flags, World& world) {
  Communicator& ranks = world.ranks();
  Device device;
  ranks.together([&] {
    device = parse_device(own_device(world, flags.device));
    if (!flags.json.empty() && ranks.rank() == 0) check_writable(flags.json);
  });
  check_devices(ranks, device);
  world.connect(device);
  const bool leads = ranks.rank() == 0;
  const std::string date = now();
  if (leads) {
    fmt::print("{}: {}, {}\n{}\n", to_string(device), describe(device), date,
               ranks.alone() ? "one process has nothing to sum; `mpirun -n 2 ./ebm bench --comm` times:"
                             : fmt::format("{} processes, a call of the slowest one", ranks.size()));
    print_comm_head();
  }
  nlohmann::json json = head_of_json(device, date), rows = nlohmann::json::array();
  for (const CommCase& which : comm_cases()) {
    if (ranks.alone()) {
      fmt::print("{:<12} {:<30} {:>12}\n", which.call, which.what, which.bytes);
      continue;
    }
    const CommTime time = measure_comm(which, ranks, device);
    rows.push_back(to_json(time, ranks.size()));
    if (leads) print_comm(time, ranks.size());
  }
  json["comm"] = {{"processes", ranks.size()}, {"rows", rows}};
  if (leads && !flags.json.empty()) write_json(flags.json, json);
}

void run_share(const BenchFlags& flags) {
  std::vector<int64_t> ranks{1};  // what the others are compared with
  for (const std::string& text : flags.shares) ranks.push_back(parse_count("share", text, 1, 1'000'000));
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  for (const std::string& net : flags.nets) share_settings(bench_settings(net), ranks.back());  // throws for too many
  apply_threads(flags.threads);
  if (!flags.json.empty()) check_writable(flags.json);
  const Device device = parse_device(flags.device);
  apply_precision(flags, device);
  const std::string date = now();
  fmt::print("{}: {}, {}, {}, chains in {}\n", to_string(device), describe(device), date, name(precision()),
             name(chain_precision()));
  nlohmann::json json = with_precisions(head_of_json(device, date));
  json["share"] = nlohmann::json::array();
  for (const std::string& net : flags.nets) {
    const TeachingSettings whole = bench_settings(net);
    print_share_head(net, whole);
    std::vector<ShareTime> times;
    for (const int64_t n : ranks) {
      times.push_back(measure_share(whole, n, device));
      print_share(times.back(), times.front());
      std::fflush(stdout);  // a share takes a while, and what is known should be seen
    }
    json["share"].push_back(to_json(net, whole, times));
    if (!flags.json.empty()) write_json(flags.json, json);
  }
}

void run_parts(const BenchFlags& flags) {
  for (const std::string& part : flags.parts)
    EBM_CHECK(std::find(kParts.begin(), kParts.end(), part) != kParts.end(), "--only", "\"" + part + "\"",
              "ops, langevin or training");
  const int64_t batch = flags.batch.empty() ? 0 : parse_count("batch", flags.batch, 1);
  apply_threads(flags.threads);
  if (!flags.json.empty()) check_writable(flags.json);
  const Device device = parse_device(flags.device);
  apply_precision(flags, device);
  const auto wants = [&](const char* part) {
    return std::find(flags.parts.begin(), flags.parts.end(), part) != flags.parts.end();
  };
  const std::string date = now();
  fmt::print("{}: {}, {}\n", to_string(device), describe(device), date);

  const auto measured_ceilings = [&] { return flags.no_ceilings ? Ceilings{} : measure_ceilings(device); };
  const Ceilings before = measured_ceilings();
  reset_peak_memory(device);
  std::vector<NetResult> results;
  for (const std::string& net : flags.nets) {
    const TeachingSettings settings = bench_settings(net);
    NetResult result{net, batch > 0 ? batch : net == "cifar10" ? 25 : 100, {}};
    if (wants("ops")) result.rows = measure_ops(settings, result.batch, device);
    if (wants("langevin")) result.rows.push_back(measure_langevin(settings, result.batch, device));
    if (wants("training"))
      for (const Measurement& m : measure_training(settings, device)) result.rows.push_back(m);
    results.push_back(result);
  }
  const double peak_bytes = static_cast<double>(memory_stats(device).peak_bytes_in_use);
  const Ceilings after = measured_ceilings();
  const Ceilings ceilings = larger(before, after);
  if (!flags.no_ceilings) print_ceilings(before, after);
  for (const NetResult& result : results) print_net(result, ceilings, device);
  fmt::print("\npeak memory in tensors: {:.0f} MB\n", 1e-6 * peak_bytes);
  const std::string convolutions = device.is_cuda() ? cuda::conv_summary() : "";
  if (!convolutions.empty()) fmt::print("{}\n", convolutions);

  if (flags.json.empty()) return;
  nlohmann::json json = with_precisions(head_of_json(device, date));
  json.update({{"peak_gflops", 1e-9 * ceilings.matrix},
               {"peak_gflops_before", 1e-9 * before.matrix},
               {"peak_gflops_after", 1e-9 * after.matrix},
               {"copy_gb_per_s", 1e-9 * ceilings.copy},
               {"copy_gb_per_s_before", 1e-9 * before.copy},
               {"copy_gb_per_s_after", 1e-9 * after.copy},
               {"conv_plans", conv_plans_to_string()},
               {"nets", nlohmann::json::array()}});
  if (!convolutions.empty()) json["convolutions"] = convolutions;
  for (const NetResult& result : results) json["nets"].push_back(to_json(result, ceilings));
  write_json(flags.json, json);
}

void run_bench(const BenchFlags& flags, World& world) {
  for (const std::string& net : flags.nets) bench_settings(net);  // throws for an unknown one
  EBM_CHECK(!flags.comm || flags.shares.empty(), "--share", "--comm too", "one of the two");
  if (flags.comm) return run_comm(flags, world);
  if (!flags.shares.empty()) return run_share(flags);
  run_parts(flags);
}

}  // namespace

void add_bench_command(CLI::App& app, World& world) {
  CLI::App* command = app.add_subcommand("bench", "time ops, Langevin steps and training iterations");
  auto flags = std::make_shared<BenchFlags>();
  command->add_option("--net", flags->nets, "which networks: the paper's or the laptop profile's [mnist]")
      ->delimiter(',')
      ->type_name("mnist,cifar10,laptop,tiny");
  command->add_option("--only", flags->parts, "what to measure [all of them]")
      ->delimiter(',')
      ->type_name("ops,langevin,training");
  command->add_option("--batch", flags->batch, "images in ops and chains [100; cifar10 25]")->type_name("N");
  command->add_option("--device", flags->device, "auto: a GPU if there is one")->type_name("auto|cpu|cuda|cuda:N");
  command->add_option("--threads", flags->threads, "CPU threads [all cores]")->type_name("N");
  command
      ->add_option("--precision", flags->precision,
                   "arithmetic of convolutions and products; auto: tf32 on a GPU, fp32 on the CPU, which emulates "
                   "the others by rounding, slowly [auto]")
      ->type_name("auto|fp32|tf32|bf16|bf16-chains");
  command->add_flag("--no-ceilings", flags->no_ceilings,
                    "leave out the matrix peak and the copy bandwidth, and the shares of them");
  command
      ->add_option("--share", flags->shares,
                   "in place of all that: a training iteration of one rank's share, for so many ranks each")
      ->delimiter(',')
      ->type_name("1,2,4,...");
  command->add_flag("--comm", flags->comm,
                    "in place of all that: under mpirun, what sums over the processes take, by size");
  command->add_option("--json", flags->json, "also write the figures to this file")->type_name("FILE");
  command->callback([flags, &world] { run_bench(*flags, world); });
}

}  // namespace ebm
