// metrics.csv: one row an iteration, appended as soon as it was read: a run that is killed has lost no other.
#pragma once

#include <filesystem>
#include <string>

#include "train/shown.h"

namespace ebm {

class MetricsLog {
 public:
  // Opens the file and, where it is new, writes its first lines: `signs`, what the columns mean, and their names. Of a
  // file that is there, rows after (`rollbacks`, `iteration`) are set aside (file_io.h), and a last row that was cut
  // short is removed: the run goes on from there. Throws Error when the file cannot be read or written, or has other columns.
  MetricsLog(const std::filesystem::path& path, const ShownColumns& columns, const std::string& signs,
             int64_t iteration, int64_t rollbacks);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  int64_t rows_set_aside() const { return rows_set_aside_; }

  // Throws Error on a write failure (full disk).
  void append(const Metrics& metrics, int64_t rollbacks);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t rows_set_aside_ = 0;
};

}  // namespace ebm
