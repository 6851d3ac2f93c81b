// metrics.csv: one row an iteration, appended as soon as it was read: a run that is killed has lost no other.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "train/trainer.h"

namespace ebm {

// Every quantity of Metrics but the iteration, with its column's name and its TensorBoard curve's.
struct MetricField {
  const char* name;   // as in "energy_gap"
  const char* curve;  // as in "energy/gap"
  double (*value)(const Metrics&);
  bool is_time;  // seconds of a phase: differs from run to run, says nothing about divergence
};
std::span<const MetricField> metric_fields();

// The sign convention, the first line of the file.
inline constexpr const char* kMetricsComment =
    "# f = -U up to the reference; energy_gap = mean f(data) - mean f(samples), both with the image noise "
    "of the energy's loss; grad_x = |dU/dx|; "
    "rows of an iteration with fewer rollbacks were undone by the divergence guard";

class MetricsLog {
 public:
  // Opens the file and, where it is new, writes its first lines. Of a file that is there, rows
  // after
  // (`rollbacks`, `iteration`) and a last row that was cut short are removed: the run goes on from
  // there. Throws Error when the file cannot be read or written, or is no such log.
  MetricsLog(const std::filesystem::path& path, int64_t iteration, int64_t rollbacks);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  // Throws Error on a write failure (full disk).
  void append(const Metrics& metrics, int64_t rollbacks);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace ebm
