// Scores of a run's samples while it trains: what is measured, and the file that it goes to.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ebm {

class Trainer;

// How good the model is, in numbers that a run's owner computes (tools/training_score.h); the run knows none of them.
struct RunScore {
  std::string says;                // of what they are, a line
  std::vector<std::string> names;  // the first decides which checkpoint is the best: the lowest
  // One number for each name. Leaves the trainer as it was; throws Error where there is none.
  std::function<std::vector<double>(const Trainer&)> measure;
};

// scores.csv: a comment line, the names, and a row for each measurement.
class ScoreLog {
 public:
  static constexpr const char* kName = "scores.csv";

  // Rows of a file that is there are kept up to `iteration`; later ones, which the run will measure again, are set aside
  // (file_io.h). Throws Error when the file cannot be read or written, or has other columns.
  ScoreLog(const std::filesystem::path& path, const RunScore& score, int64_t iteration);

  // Takes the rows of iterations after this one out: they were undone.
  void undo_after(int64_t iteration);
  // Throws Error on a write failure (full disk).
  void append(int64_t iteration, const std::vector<double>& values);

 private:
  std::filesystem::path path_;
  std::string head_;                     // its first two lines
  std::map<int64_t, std::string> rows_;  // by iteration: a few
};

}  // namespace ebm
