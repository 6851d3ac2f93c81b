#include "train/metrics_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "core/check.h"
#include "train/file_io.h"

namespace ebm {
namespace {

template <auto kField>
double read(const Metrics& m) {
  return m.*kField;
}

constexpr MetricField kFields[] = {
    {"u_data", "energy/u_data", read<&Metrics::u_data>, false},
    {"u_samples", "energy/u_samples", read<&Metrics::u_samples>, false},
    {"f_data", "energy/f_data", read<&Metrics::f_data>, false},
    {"f_samples", "energy/f_samples", read<&Metrics::f_samples>, false},
    {"energy_gap", "energy/gap", read<&Metrics::energy_gap>, false},
    {"energy_loss", "energy/loss", read<&Metrics::energy_loss>, false},
    {"reconstruction", "vae/reconstruction", read<&Metrics::reconstruction>, false},
    {"kl", "vae/kl", read<&Metrics::kl>, false},
    {"grad_x", "langevin/grad_x", read<&Metrics::grad_x>, false},
    {"drift", "langevin/drift", read<&Metrics::drift>, false},
    {"noise", "langevin/noise", read<&Metrics::noise>, false},
    {"revision", "langevin/revision", read<&Metrics::revision>, false},
    {"grad_energy", "gradient_norm/energy", read<&Metrics::grad_energy>, false},
    {"grad_vae", "gradient_norm/vae", read<&Metrics::grad_vae>, false},
    {"energy_lr", "learning_rate/energy", read<&Metrics::energy_lr>, false},
    {"vae_lr", "learning_rate/vae", read<&Metrics::vae_lr>, false},
    {"seconds_ancestral", "seconds/ancestral", read<&Metrics::seconds_ancestral>, true},
    {"seconds_langevin", "seconds/langevin", read<&Metrics::seconds_langevin>, true},
    {"seconds_energy", "seconds/energy", read<&Metrics::seconds_energy>, true},
    {"seconds_vae", "seconds/vae", read<&Metrics::seconds_vae>, true},
};

constexpr int64_t kMaxLogBytes = int64_t{1} << 34;

std::string header() {
  std::string text = std::string(kMetricsComment) + "\niteration,rollbacks";
  for (const MetricField& field : kFields) text += std::string(",") + field.name;
  return text + "\n";
}

// The first two columns of a row; false for a row that has not all its columns.
bool read_row(std::string_view row, int64_t& iteration, int64_t& rollbacks) {
  size_t commas = 0;
  for (const char c : row) commas += c == ',';
  if (commas != std::size(kFields) + 1) return false;
  const char* end = row.data() + row.size();
  const auto first = std::from_chars(row.data(), end, iteration);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ',') return false;
  const auto second = std::from_chars(first.ptr + 1, end, rollbacks);
  return second.ec == std::errc() && second.ptr != end && *second.ptr == ',';
}

std::string kept_rows(const std::filesystem::path& path, int64_t iteration, int64_t rollbacks) {
  const std::vector<std::byte> bytes = read_file(path, kMaxLogBytes);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string first = header();
  EBM_CHECK(text.starts_with(first), "metrics", path.string() + " with other columns",
            "a metrics.csv of this version");
  std::string kept(first);
  for (text.remove_prefix(first.size()); !text.empty();) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // cut short
    int64_t row_iteration = 0, row_rollbacks = 0;
    if (!read_row(text.substr(0, end), row_iteration, row_rollbacks)) break;
    if (row_rollbacks < rollbacks || (row_rollbacks == rollbacks && row_iteration <= iteration))
      kept.append(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return kept;
}

}  // namespace

std::span<const MetricField> metric_fields() { return kFields; }

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t iteration, int64_t rollbacks)
    : path_(path) {
  const std::string text =
      std::filesystem::exists(path) ? kept_rows(path, iteration, rollbacks) : header();
  write_file_atomically(path, std::as_bytes(std::span(text)));
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  EBM_CHECK(descriptor_ >= 0, "metrics", path.string() + ": " + std::strerror(errno),
            "a file that can be written");
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MetricsLog::append(const Metrics& m, int64_t rollbacks) {
  fmt::memory_buffer row;
  fmt::format_to(std::back_inserter(row), "{},{}", m.iteration, rollbacks);
  for (const MetricField& field : kFields)
    fmt::format_to(std::back_inserter(row), ",{:.7g}", field.value(m));
  row.push_back('\n');
  for (size_t done = 0; done < row.size();) {
    const ssize_t n = ::write(descriptor_, row.data() + done, row.size() - done);
    if (n < 0 && errno == EINTR) continue;
    EBM_CHECK(n > 0, "metrics", path_.string() + ": " + std::strerror(errno),
              "a disk with room for the run");
    done += static_cast<size_t>(n);
  }
}

}  // namespace ebm
