// metrics.csv read back: the rows that a run stands on, and what the divergence guard undid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ebm {

struct MetricsTable {
  struct Rollback {
    int64_t from, to;  // diverged at iteration `from`; the run went on from its state after `to`
  };

  std::vector<std::string> columns;         // as the file names them, without iteration and rollbacks
  std::vector<int64_t> iterations;          // (rows), rising
  std::vector<std::vector<double>> values;  // (columns, rows); NaN and Inf where the run had them
  std::vector<double> elapsed;              // (rows), seconds_* summed from the start, undone rows too
  std::vector<Rollback> rollbacks;
  int64_t undone = 0;      // rows left out: of iterations that were done again after a rollback
  int64_t unreadable = 0;  // rows left out: cut short, or with fields that are no numbers

  int64_t rows() const { return static_cast<int64_t>(iterations.size()); }
  // The column of that name, or nullptr.
  const std::vector<double>* column(std::string_view name) const;
};

// Takes a log with any columns after iteration and rollbacks. `name` stands for the file in errors. Throws
// Error when the heading is not that of a metrics.csv.
MetricsTable parse_metrics(std::string_view text, const std::string& name);

}  // namespace ebm
