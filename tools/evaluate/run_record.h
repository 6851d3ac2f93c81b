// What a run has left in its folder, read back for the report.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/evaluate/metrics_table.h"

namespace ebm {

struct RunRecord {
  struct Setting {
    std::string key, value, help;  // a line of config.toml and the comment above it
  };
  struct Sample {
    int64_t iteration;
    std::filesystem::path file;
  };
  // Of scores.csv (train/score_log.h).
  struct Scores {
    std::string says;
    std::vector<std::string> names;
    std::vector<int64_t> iterations;
    std::vector<std::vector<double>> values;  // of each name
    int64_t best_iteration = -1;              // of best.safetensors; -1: there is none
  };
  struct Results {
    std::string name;  // of the file
    std::string text;  // its JSON
  };

  std::filesystem::path folder;
  std::vector<Setting> settings;
  std::vector<std::string> changes;  // what resumes changed of them, as "changed at iteration 100: seed 1 -> 2"
  std::optional<MetricsTable> metrics;
  std::optional<Scores> scores;
  std::string device, version;                  // that made its last checkpoint; "" where unknown
  std::vector<Sample> samples;                  // samples/*.png by iteration, at most kMostSamples of them
  std::vector<std::filesystem::path> pictures;  // *.png beside config.toml, then those of diagnosis/, by name
  std::vector<Results> results;                 // *.json beside config.toml, by name
  std::vector<std::string> notes;               // what could not be read, a line each

  // The setting's value, or "".
  std::string setting(std::string_view key) const;
};

inline constexpr const char* kDiagnosisFolder = "diagnosis";  // in a run's folder, of ./ebm diagnose

inline constexpr int64_t kMostSamples = 48;   // grids of one run on a page, spread over the run
inline constexpr int64_t kMostPictures = 24;  // of one run
inline constexpr int64_t kMostResults = 24;   // of one run

// Reads a folder that holds a config.toml or a metrics.csv; throws Error when it holds neither. A part that is
// damaged or missing becomes one of the notes.
RunRecord read_run(const std::filesystem::path& folder);

// The lines about changes of a config.toml (train/checkpoint.h), without their comment sign.
std::vector<std::string> parse_changes(std::string_view text);
// The lines `key = value` of a config.toml; quotes around a value are taken off.
std::vector<RunRecord::Setting> parse_config(std::string_view text);

}  // namespace ebm
