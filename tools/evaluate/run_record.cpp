#include "tools/evaluate/run_record.h"

#include <algorithm>
#include <functional>
#include <sstream>

#include <fmt/format.h>

#include "core/check.h"
#include "core/parse_number.h"
#include "train/checkpoint.h"
#include "train/files/file_io.h"
#include "train/run.h"
#include "train/score_log.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxConfigBytes = 1 << 20, kMaxLogBytes = int64_t{1} << 34, kMaxResultsBytes = 4 << 20;

std::string read_text(const fs::path& path, int64_t limit) {
  const std::vector<std::byte> bytes = read_file(path, limit);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

// Files in the folder with that ending, by name; none where there is no folder.
std::vector<fs::path> files(const fs::path& folder, const char* ending) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ending && entry->is_regular_file(error)) found.push_back(entry->path());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<RunRecord::Sample> samples(const fs::path& folder) {
  std::vector<RunRecord::Sample> all, kept;
  for (const fs::path& file : files(folder, ".png"))
    if (const int64_t iteration = samples_iteration(file); iteration >= 0) all.push_back({iteration, file});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.iteration < b.iteration; });
  const auto count = static_cast<int64_t>(all.size());
  const int64_t wanted = std::min(count, kMostSamples);
  for (int64_t i = 0; i < wanted; ++i)  // the first and the last among them
    kept.push_back(all[static_cast<size_t>(wanted == 1 ? 0 : i * (count - 1) / (wanted - 1))]);
  return kept;
}

RunRecord::Scores read_scores(const fs::path& path) {
  RunRecord::Scores scores;
  std::istringstream lines(read_text(path, kMaxLogBytes));
  std::string line, cell;
  std::getline(lines, line);
  scores.says = trimmed(std::string_view(line).substr(line.starts_with("#")));
  std::getline(lines, line);
  std::istringstream names(line);
  std::getline(names, cell, ',');
  while (std::getline(names, cell, ',')) scores.names.push_back(cell);
  EBM_CHECK(cell != "" && !scores.names.empty(), "report", path.string() + " without names of scores", "a scores.csv");
  scores.values.resize(scores.names.size());
  while (std::getline(lines, line)) {
    std::vector<double> row;
    std::istringstream cells(line);
    while (std::getline(cells, cell, ','))
      if (const auto value = parse_number<double>(cell)) row.push_back(*value);
    if (row.size() != scores.names.size() + 1) continue;  // cut short
    scores.iterations.push_back(static_cast<int64_t>(row[0]));
    for (size_t i = 0; i < scores.names.size(); ++i) scores.values[i].push_back(row[i + 1]);
  }
  const fs::path best = path.parent_path() / CheckpointStore::kBest;
  std::error_code error;
  if (fs::exists(best, error)) {
    const auto metadata = read_safetensors_metadata(best);
    if (const auto found = metadata.find("iteration"); found != metadata.end())
      scores.best_iteration = parse_number<int64_t>(found->second).value_or(-1);
  }
  return scores;
}

template <class Item>
void keep_first(std::vector<Item>& items, int64_t most, const char* what, std::vector<std::string>& notes) {
  if (static_cast<int64_t>(items.size()) <= most) return;
  notes.push_back(fmt::format("{} of {} {} are shown", most, items.size(), what));
  items.resize(static_cast<size_t>(most));
}

}  // namespace

std::string RunRecord::setting(std::string_view key) const {
  for (const Setting& s : settings)
    if (s.key == key) return s.value;
  return "";
}

std::vector<std::string> parse_changes(std::string_view text) {
  std::vector<std::string> changes;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(kChangedAt)) changes.push_back(line.substr(std::string_view("# ").size()));
  return changes;
}

std::vector<RunRecord::Setting> parse_config(std::string_view text) {
  std::vector<RunRecord::Setting> settings;
  std::string help;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) {
      help = trimmed(line.substr(1));
      continue;
    }
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      std::string_view value = trimmed(line.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
      settings.push_back({std::string(trimmed(line.substr(0, equals))), std::string(value), help});
    }
    help.clear();
  }
  // the file's first line says what made it, not what its first setting is
  if (!settings.empty() && settings[0].key == "recipe") settings[0].help.clear();
  return settings;
}

RunRecord read_run(const fs::path& folder) {
  std::error_code error;
  const bool is_folder = fs::is_directory(folder, error);
  EBM_CHECK(!error || error == std::errc::no_such_file_or_directory, "report", folder.string() + ": " + error.message(),
            "the folder of a run");
  EBM_CHECK(is_folder, "report", folder.string() + ", which is no folder", "the folder of a run");
  const fs::path config = folder / "config.toml", metrics = folder / "metrics.csv";
  EBM_CHECK(fs::exists(config, error) || fs::exists(metrics, error), "report",
            folder.string() + " without config.toml and metrics.csv", "the folder of a run");
  fs::directory_iterator listing(folder, error);
  EBM_CHECK(!error, "report", folder.string() + ": " + error.message(), "a folder that can be read");
  RunRecord run;
  run.folder = folder;
  const auto attempt = [&](const std::function<void()>& part) {
    try {
      part();
    } catch (const Error& e) {
      run.notes.push_back(e.message());
    }
  };
  attempt([&] {
    const std::string text = read_text(config, kMaxConfigBytes);
    run.settings = parse_config(text);
    run.changes = parse_changes(text);
  });
  attempt([&] { run.metrics = parse_metrics(read_text(metrics, kMaxLogBytes), metrics.string()); });
  attempt([&] {
    const std::vector<fs::path> checkpoints = list_checkpoints(folder);
    if (checkpoints.empty()) return;
    const auto metadata = read_safetensors_metadata(checkpoints.back());
    // checkpoints of earlier versions do not have it
    if (const auto found = metadata.find(kCheckpointDevice); found != metadata.end()) run.device = found->second;
    if (const auto found = metadata.find(kCheckpointVersion); found != metadata.end()) run.version = found->second;
  });
  if (fs::exists(folder / ScoreLog::kName, error)) attempt([&] { run.scores = read_scores(folder / ScoreLog::kName); });
  run.samples = samples(folder / "samples");
  run.pictures = files(folder, ".png");
  for (const fs::path& picture : files(folder / kDiagnosisFolder, ".png")) run.pictures.push_back(picture);
  keep_first(run.pictures, kMostPictures, "pictures", run.notes);
  std::vector<fs::path> results = files(folder, ".json");
  keep_first(results, kMostResults, "files of results", run.notes);
  for (const fs::path& file : results)
    attempt([&] { run.results.push_back({file.filename().string(), read_text(file, kMaxResultsBytes)}); });
  if (run.metrics && run.metrics->unreadable > 0)
    run.notes.push_back(fmt::format("metrics.csv: {} rows that cannot be read are left out", run.metrics->unreadable));
  return run;
}

}  // namespace ebm
