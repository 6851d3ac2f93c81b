#include "tools/evaluate/metrics_table.h"

#include <algorithm>
#include <charconv>

#include "core/check.h"

namespace ebm {
namespace {

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.find(',', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

// Takes the rows in the order in which they were written.
class Reader {
 public:
  explicit Reader(MetricsTable& table) : table_(table), row_(table.columns.size()) {
    for (size_t c = 0; c < table.columns.size(); ++c)
      if (table.columns[c].starts_with("seconds_")) timed_.push_back(c);
  }

  void take(std::string_view line) {
    int64_t iteration = 0, rollbacks = 0;
    if (!read_row(line, iteration, rollbacks)) {
      ++table_.unreadable;
      return;
    }
    if (rollbacks > rollbacks_ && last_ >= iteration) table_.rollbacks.push_back({last_, iteration - 1});
    // an iteration that is done again replaces its first attempt and all that followed it
    while (!table_.iterations.empty() && table_.iterations.back() >= iteration) undo_last();
    for (const size_t c : timed_) seconds_ += row_[c];
    table_.iterations.push_back(iteration);
    table_.elapsed.push_back(seconds_);
    for (size_t c = 0; c < row_.size(); ++c) table_.values[c].push_back(row_[c]);
    rollbacks_ = rollbacks;
    last_ = iteration;
  }

 private:
  bool read_row(std::string_view line, int64_t& iteration, int64_t& rollbacks) {
    const std::vector<std::string_view> fields = split(line);
    if (fields.size() != row_.size() + 2) return false;
    if (!read_number(fields[0], iteration) || !read_number(fields[1], rollbacks)) return false;
    for (size_t c = 0; c < row_.size(); ++c)
      if (!read_number(fields[c + 2], row_[c])) return false;
    return true;
  }

  void undo_last() {
    table_.iterations.pop_back();
    table_.elapsed.pop_back();
    for (std::vector<double>& column : table_.values) column.pop_back();
    ++table_.undone;
  }

  MetricsTable& table_;
  std::vector<double> row_;    // (columns)
  std::vector<size_t> timed_;  // columns that count as time
  int64_t rollbacks_ = 0, last_ = 0;
  double seconds_ = 0;
};

}  // namespace

const std::vector<double>* MetricsTable::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  return found == columns.end() ? nullptr : &values[static_cast<size_t>(found - columns.begin())];
}

MetricsTable parse_metrics(std::string_view text, const std::string& name) {
  constexpr std::string_view kHeading = "iteration,rollbacks";
  MetricsTable table;
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    // a last line without its end may be cut in the middle of a number
    if (end == text.size())
      ++table.unreadable;
    else if (text[begin] != '#')
      lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  EBM_CHECK(!lines.empty() && (lines[0] == kHeading || lines[0].starts_with(std::string(kHeading) + ",")), "metrics",
            name + " without the heading of a metrics.csv", std::string(kHeading) + ",...");
  for (const std::string_view column : split(lines[0])) table.columns.emplace_back(column);
  table.columns.erase(table.columns.begin(), table.columns.begin() + 2);
  table.values.resize(table.columns.size());
  Reader reader(table);
  for (size_t i = 1; i < lines.size(); ++i) reader.take(lines[i]);
  return table;
}

}  // namespace ebm
