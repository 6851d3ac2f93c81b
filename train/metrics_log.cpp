#include "train/metrics_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "core/check.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr int64_t kMaxLogBytes = int64_t{1} << 34;

std::string header(const ShownColumns& columns, const std::string& signs) {
  std::string text =
      "# " + signs + (signs.empty() ? "" : "; ") +
      "rows of an iteration with fewer rollbacks were undone by the divergence guard\niteration,rollbacks";
  for (const ShownColumn& column : columns) text += "," + column.name;
  return text + "\n";
}

// The first two columns of a row; false for a row that has not all its columns.
bool read_row(std::string_view row, size_t columns, int64_t& iteration, int64_t& rollbacks) {
  size_t commas = 0;
  for (const char c : row) commas += c == ',';
  if (commas != columns + 1) return false;
  const char* end = row.data() + row.size();
  const auto first = std::from_chars(row.data(), end, iteration);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ',') return false;
  const auto second = std::from_chars(first.ptr + 1, end, rollbacks);
  return second.ec == std::errc() && second.ptr != end && *second.ptr == ',';
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t end = 0; end != std::string_view::npos; line.remove_prefix(std::min(end + 1, line.size()))) {
    end = line.find(',');
    fields.push_back(line.substr(0, end));
  }
  return fields;
}

// The rows of a file of another version, under this one's first lines: columns by their names, 0 where there was none.
std::string in_columns_of(const std::string& first, const std::string& name, std::string_view text) {
  if (text.starts_with(first)) return std::string(text);
  const auto line = [&text] {
    const std::string_view one = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    return one;
  };
  const bool signs = line().starts_with("#");
  const std::vector<std::string_view> before = fields_of(line());
  EBM_CHECK(signs && before.size() > 2 && before[0] == "iteration" && before[1] == "rollbacks", "metrics",
            name + " with another beginning", "a metrics.csv of this program");
  const size_t begin = first.find('\n') + 1;
  std::vector<size_t> places;  // in a row of the file; as many as it has where it lacks the column
  for (const std::string_view column : fields_of(std::string_view(first).substr(begin, first.size() - begin - 1)))
    places.push_back(static_cast<size_t>(std::find(before.begin(), before.end(), column) - before.begin()));
  std::string out = first;
  while (!text.empty()) {
    const bool whole = text.find('\n') != std::string_view::npos;
    const std::vector<std::string_view> row = fields_of(line());
    if (!whole || row.size() != before.size()) break;  // cut short
    for (size_t i = 0; i < places.size(); ++i)
      out.append(i > 0 ? "," : "").append(places[i] < row.size() ? row[places[i]] : "0");
    out += '\n';
  }
  return out;
}

// What a file holds up to an iteration, and what it holds of later ones; both begin with its first lines.
struct Rows {
  std::string kept, later;
  int64_t later_count = 0;
};

Rows read_rows(const std::filesystem::path& path, const std::string& first, size_t columns, int64_t iteration,
               int64_t rollbacks) {
  const std::vector<std::byte> bytes = read_file(path, kMaxLogBytes);
  const std::string whole =
      in_columns_of(first, path.string(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::string_view text = whole;
  Rows rows{first, first};
  for (text.remove_prefix(first.size()); !text.empty();) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // cut short
    int64_t row_iteration = 0, row_rollbacks = 0;
    if (!read_row(text.substr(0, end), columns, row_iteration, row_rollbacks)) break;
    const bool keep = row_rollbacks < rollbacks || (row_rollbacks == rollbacks && row_iteration <= iteration);
    (keep ? rows.kept : rows.later).append(text.substr(0, end + 1));
    rows.later_count += !keep;
    text.remove_prefix(end + 1);
  }
  return rows;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, const ShownColumns& columns, const std::string& signs,
                       int64_t iteration, int64_t rollbacks)
    : path_(path) {
  const std::string first = header(columns, signs);
  const Rows rows =
      std::filesystem::exists(path) ? read_rows(path, first, columns.size(), iteration, rollbacks) : Rows{first, first};
  rows_set_aside_ = rows.later_count;
  if (rows.later_count > 0) write_file_atomically(set_aside_path(path), std::as_bytes(std::span(rows.later)));
  write_file_atomically(path, std::as_bytes(std::span(rows.kept)));
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  EBM_CHECK(descriptor_ >= 0, "metrics", path.string() + ": " + std::strerror(errno), "a file that can be written");
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MetricsLog::append(const Metrics& m, int64_t rollbacks) {
  fmt::memory_buffer row;
  fmt::format_to(std::back_inserter(row), "{},{}", m.iteration, rollbacks);
  for (const double value : m.values) fmt::format_to(std::back_inserter(row), ",{:.7g}", value);
  row.push_back('\n');
  for (size_t done = 0; done < row.size();) {
    const ssize_t n = ::write(descriptor_, row.data() + done, row.size() - done);
    if (n < 0 && errno == EINTR) continue;
    EBM_CHECK(n > 0, "metrics", path_.string() + ": " + std::strerror(errno), "a disk with room for the run");
    done += static_cast<size_t>(n);
  }
}

}  // namespace ebm
