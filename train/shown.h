// What an iteration shows. The device writes down quantities, one number each; the host makes the columns of
// metrics.csv, the curves and the progress line of them. A method declares both in one place (Method::describe).
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace ebm {

// What a quantity of all ranks is: the sum of theirs, the largest, or what each has alike.
enum class OverRanks { sum, largest, same };

// A number (1) that the device computes. Method::iterate assigns it; one that it does not assign is 0. Columns read
// value() on the host, of all ranks.
class Quantity {
 public:
  explicit Quantity(OverRanks over = OverRanks::sum) : over_(over) {}
  Quantity& operator=(Tensor value) {
    device_ = std::move(value);
    return *this;
  }
  Tensor* slot() { return &device_; }  // for functions that fill it in
  float value() const { return host_; }

 private:
  friend class ShownRows;
  OverRanks over_;
  Tensor device_;
  float host_ = 0;
};

// What the divergence guard (train/guard.h) makes of a column, beside looking for NaN.
enum class Judged { finite, gap, move, not_at_all };

struct ColumnOptions {
  const char* progress = "";       // how the progress line tells it, as in "energy gap {:+.3g}"; "": does not
  Judged judged = Judged::finite;  // gap: the energy gap; move: how far chains move, a norm over
  int64_t dimensions = 1;          // so many values
  double most = std::numeric_limits<double>::infinity();  // a magnitude beyond it is that of a diverged run
  // In the report: the chart's title, which columns may share; the line's name in it; what to look for.
  const char *chart = "", *line = "", *about = "";
};

class ShownVisitor {
 public:
  virtual ~ShownVisitor() = default;
  // A column: its name in metrics.csv, its curve as "chart/line", and its value, of quantities that were declared.
  virtual void column(const char* name, const char* curve, std::function<float()> value,
                      const ColumnOptions& options = {}) = 0;
  // A quantity that is no column itself.
  virtual void quantity(Quantity&) = 0;
  // A quantity that is a column.
  void operator()(const char* name, const char* curve, Quantity& q, const ColumnOptions& options = {}) {
    quantity(q);
    column(
        name, curve, [&q] { return q.value(); }, options);
  }
};

struct ShownColumn {
  std::string name;   // as in "energy_gap"
  std::string curve;  // as in "energy/gap"
  ColumnOptions options;
};
using ShownColumns = std::vector<ShownColumn>;

// What one iteration showed: a value for each column.
struct Metrics {
  int64_t iteration = 0;  // counted from 1
  std::shared_ptr<const ShownColumns> columns;
  std::vector<double> values;  // of columns

  // The value of a column; throws Error for a name that is none.
  double& operator[](std::string_view column);
  double operator[](std::string_view column) const;
};

}  // namespace ebm
