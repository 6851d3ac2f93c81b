// The one clock of `ebm bench`.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "core/device.h"
#include "core/device_calls.h"
#include "core/graph.h"

namespace ebm {

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Median seconds of run(), device work included. Two runs beforehand are not counted: they choose
// plans, allocate and fill caches. Short work is repeated within a sample so that the clock does
// not show.
template <class F>
double median_seconds(Device device, F&& run, double budget_seconds = 0.4) {
  constexpr double kLeastSample = 1e-3;
  constexpr size_t kLeastSamples = 5, kMostSamples = 200;
  const auto seconds_of = [&](int64_t times) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < times; ++i) run();
    synchronize(device);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  seconds_of(1);
  const double once = seconds_of(1);
  const auto times = std::max<int64_t>(static_cast<int64_t>(std::ceil(kLeastSample / once)), 1);
  std::vector<double> samples;
  double spent = 0;
  while (samples.size() < kLeastSamples || (spent < budget_seconds && samples.size() < kMostSamples)) {
    const double seconds = seconds_of(times);
    spent += seconds;
    samples.push_back(seconds / static_cast<double>(times));
  }
  return median(samples);
}

// Calls to a GPU (core/device_calls.h) that one run() makes.
template <class F>
double calls_of(F&& run) {
  const int64_t before = device_calls();
  run();
  return static_cast<double>(device_calls() - before);
}

// Kernels in the graphs that one run() replays.
template <class F>
double kernels_of(F&& run) {
  const int64_t before = replayed_kernels();
  run();
  return static_cast<double>(replayed_kernels() - before);
}

struct OpTime {
  double seconds;  // median
  double kernels;  // that the GPU launches; 0 on the CPU and where nothing can be recorded
};

// The same of an operation whose launch may cost the host more than it costs the GPU: there its repeats are recorded
// and replayed, as in a chain.
template <class F>
OpTime op_time(Device device, F&& run) {
  if (!device.is_cuda()) return {median_seconds(device, run), 0};
  constexpr double kReplay = 1e-3;  // about, in seconds
  constexpr double kMostRepeats = 200;
  run();
  synchronize(device);
  const auto start = std::chrono::steady_clock::now();
  run();
  synchronize(device);
  const double once = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double repeats = std::clamp(std::ceil(kReplay / once), 1.0, kMostRepeats);
  Graph graph(device, true);
  const auto replay = [&] {
    graph.run([&] {
      for (int i = 0; i < static_cast<int>(repeats); ++i) run();
    });
  };
  const double seconds = median_seconds(device, replay) / repeats;
  return {seconds, kernels_of(replay) / repeats};
}

}  // namespace ebm
