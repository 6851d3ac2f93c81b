#include "tools/bench/bench_comm.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>

#include "core/check.h"
#include "core/tensor.h"
#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_clock.h"

namespace ebm {
namespace {

constexpr int64_t kFloat = sizeof(float), kDouble = sizeof(double);

// The widest batch normalisation: a channel's two sums, and the count.
int64_t widest_norm(const NetworkConfig& config) {
  const std::vector<PlacedLayer> places = walk(config);
  int64_t doubles = 0;
  for (size_t i = 0; i < places.size(); ++i)
    if (std::holds_alternative<BatchNorm>(config.layers[i])) doubles = std::max(doubles, 2 * places[i].x[3] + 1);
  return doubles;
}

// The call itself, on buffers that it may overwrite: zeros, which stay zeros.
std::function<void()> call_of(const CommCase& which, Communicator& ranks, Device device) {
  if (which.call == "agree") return [&ranks] { ranks.agree({}); };
  if (which.call == "add")
    return [&ranks, x = std::vector<double>(static_cast<size_t>(which.bytes / kDouble))]() mutable { ranks.add(x); };
  const auto x = std::make_shared<Tensor>(Tensor::zeros({which.bytes / kFloat}, device));
  if (which.call == "sum") return [&ranks, x] { ranks.sum(*x); };
  EBM_CHECK(which.call == "sum_doubles", "bench", "\"" + which.call + "\"", "sum, sum_doubles, add or agree");
  return [&ranks, x, device, n = which.bytes / kDouble] {
    ranks.sum_doubles(reinterpret_cast<double*>(x->mutable_data()), n, device);
  };
}

}  // namespace

std::vector<CommCase> comm_cases() {
  std::vector<CommCase> cases{
      {"agree", "no error", 0}, {"add", "16 doubles", 16 * kDouble}, {"sum_doubles", "16 doubles", 16 * kDouble}};
  for (const int64_t kilobytes : {1, 4, 16, 64, 256, 1024, 4096, 16384, 32768})
    cases.push_back({"sum", kilobytes < 1024 ? fmt::format("{} kB", kilobytes) : fmt::format("{} MB", kilobytes / 1024),
                     kilobytes * 1024});
  for (const char* net : {"mnist", "cifar10"}) {
    const TeachingSettings settings = bench_settings(net);
    const ParameterCounts counts = parameter_counts(settings);
    cases.push_back({"sum_doubles", fmt::format("widest batch norm, {}", net),
                     widest_norm(networks(settings).generator) * kDouble});
    cases.push_back({"sum", fmt::format("energy's gradient, {}", net), counts.energy * kFloat});
    cases.push_back({"sum", fmt::format("generator's gradient, {}", net), counts.generator * kFloat});
    cases.push_back({"sum", fmt::format("encoder's gradient, {}", net), counts.encoder * kFloat});
  }
  return cases;
}

CommTime measure_comm(const CommCase& which, Communicator& ranks, Device device) {
  constexpr double kRound = 2e-3, kMostCalls = 200, kBudget = 0.5;  // of all rounds, seconds, about
  constexpr double kLeastRounds = 5, kMostRounds = 15;
  const std::function<void()> call = call_of(which, ranks, device);
  const auto seconds_of = [&](int times) {
    synchronize(device);
    double begin_together = 0;
    ranks.add(std::span(&begin_together, 1));
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) call();
    synchronize(device);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  seconds_of(2);  // connections are made
  double once = seconds_of(1);
  ranks.largest(std::span(&once, 1));  // so that all make as many calls
  const int times = static_cast<int>(std::clamp(std::ceil(kRound / once), 1.0, kMostCalls));
  std::vector<double> rounds(static_cast<size_t>(std::clamp(kBudget / (times * once), kLeastRounds, kMostRounds)));
  for (double& seconds : rounds) seconds = seconds_of(times) / times;
  ranks.largest(rounds);
  const auto [least, worst] = std::minmax_element(rounds.begin(), rounds.end());
  return {.of = which,
          .microseconds = 1e6 * median(rounds),
          .least = 1e6 * *least,
          .worst = 1e6 * *worst,
          .rounds = static_cast<int>(rounds.size())};
}

double ring_rate(const CommTime& time, int ranks) {
  if (time.of.call != "sum" || time.microseconds <= 0) return 0;
  return 1e-3 * 2 * (ranks - 1) / ranks * static_cast<double>(time.of.bytes) / time.microseconds;
}

}  // namespace ebm
