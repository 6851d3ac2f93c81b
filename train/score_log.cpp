#include "train/score_log.h"

#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/check.h"
#include "core/parse_number.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr int64_t kMaxBytes = 64 << 20;

void write_rows(const std::filesystem::path& path, const std::string& head,
                const std::map<int64_t, std::string>& rows) {
  std::string text = head;
  for (const auto& [iteration, row] : rows) text += row + "\n";
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace

ScoreLog::ScoreLog(const std::filesystem::path& path, const RunScore& score, int64_t iteration) : path_(path) {
  const std::string names = fmt::format("iteration,{}", fmt::join(score.names, ","));
  head_ = fmt::format("# {}\n{}\n", score.says, names);
  if (!std::filesystem::exists(path)) return;  // the first row makes it
  const std::vector<std::byte> bytes = read_file(path, kMaxBytes);
  std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::string line;
  const bool comment = std::getline(lines, line) && line.starts_with("#");
  EBM_CHECK(comment && std::getline(lines, line) && line == names, "scores", path.string() + " with other columns",
            names);
  std::map<int64_t, std::string> later;
  while (std::getline(lines, line))
    if (const auto row = parse_number<int64_t>(line.substr(0, line.find(','))))
      (*row > iteration ? later : rows_)[*row] = line;
  if (!later.empty()) write_rows(set_aside_path(path), head_, later);
  write_rows(path_, head_, rows_);
}

void ScoreLog::undo_after(int64_t iteration) {
  const auto later = rows_.upper_bound(iteration);
  if (later == rows_.end()) return;
  rows_.erase(later, rows_.end());
  write_rows(path_, head_, rows_);
}

void ScoreLog::append(int64_t iteration, const std::vector<double>& values) {
  std::string& row = rows_[iteration] = std::to_string(iteration);
  for (const double value : values) row += fmt::format(",{:.6g}", value);
  write_rows(path_, head_, rows_);
}

}  // namespace ebm
