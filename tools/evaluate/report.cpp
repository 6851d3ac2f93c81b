#include "tools/evaluate/report.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tools/evaluate/data_uri.h"
#include "tools/evaluate/envelope.h"
#include "tools/evaluate/report_page.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"
#include "train/method.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;  // columns and sections stay in the order of their file

constexpr int64_t kPoints = 600, kPointsOfAllRuns = 2400;  // of a curve; keeps a page under 2 MB without images
constexpr int64_t kMaxImageBytes = 8 << 20;
constexpr int kMaxDepth = 32;  // of nested results

// Six digits are more than a curve can show. NaN and Inf become null.
Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.6g}", value));
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

Json curves(const MetricsTable& table, int64_t points) {
  const std::vector<int64_t> boundaries = stretches(table.rows(), points);
  Json iterations = Json::array(), elapsed = Json::array(), columns = Json::object();
  for (size_t b = 1; b < boundaries.size(); ++b) {
    const auto last = static_cast<size_t>(boundaries[b] - 1);
    iterations.push_back(table.iterations[last]);
    elapsed.push_back(number(table.elapsed[last]));
  }
  const bool thinned = table.rows() > points;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const Envelope e = envelope(table.values[c], boundaries);
    Json column = {{"mean", numbers(e.mean)}};
    if (thinned) column["least"] = numbers(e.least), column["greatest"] = numbers(e.greatest);
    columns[table.columns[c]] = std::move(column);
  }
  Json rollbacks = Json::array();
  for (const MetricsTable::Rollback& r : table.rollbacks) rollbacks.push_back({{"from", r.from}, {"to", r.to}});
  const int64_t iterations_done = table.rows() == 0 ? 0 : table.iterations.back();
  return {{"iterations", iterations},
          {"elapsed", elapsed},
          {"columns", columns},
          {"rollbacks", rollbacks},
          {"done", iterations_done},
          {"undone", table.undone},
          {"seconds", table.elapsed.empty() ? Json(nullptr) : number(table.elapsed.back())}};
}

Json scores(const RunRecord::Scores& table) {
  Json columns = Json::object();
  for (size_t c = 0; c < table.names.size(); ++c) columns[table.names[c]] = numbers(table.values[c]);
  Json best = nullptr;
  if (table.best_iteration >= 0) best = table.best_iteration;
  return {{"says", table.says}, {"iterations", table.iterations}, {"columns", columns}, {"best", best}};
}

// A run's method; of a run of earlier versions, or of a method that is not known here, the first of the table.
const MethodRecord& method_of(const RunRecord& run) {
  const std::string name = run.setting("method");
  for (const MethodRecord& method : methods())
    if (name == method.name) return method;
  return methods().front();
}

// A chart of the page: columns that are drawn together.
struct Chart {
  std::string title, about;
  Json lines = Json::array();
  bool first = false, log = false;
};

// The charts of these runs' columns: what methods declare, those with a number in the progress line first, then what the
// machine adds for every method. The page draws other columns by themselves.
Json charts(std::span<const RunRecord> runs) {
  std::vector<Chart> all;
  const auto add = [&](const std::string& title, const std::string& column, const std::string& line) -> Chart& {
    auto found = std::find_if(all.begin(), all.end(), [&](const Chart& chart) { return chart.title == title; });
    if (found == all.end()) found = all.insert(all.end(), {.title = title, .about = ""});
    const Json entry{column, line};
    if (std::find(found->lines.begin(), found->lines.end(), entry) == found->lines.end()) found->lines.push_back(entry);
    return *found;
  };
  struct Declared : ShownVisitor {
    explicit Declared(decltype(add)& adds) : add_line(adds) {}
    void column(const char* name, const char*, std::function<float()>, const ColumnOptions& o) override {
      names.insert(name);
      if (!*o.chart) return;
      Chart& chart = add_line(o.chart, name, *o.line ? o.line : name);
      if (*o.about) chart.about = o.about;
      chart.first |= *o.progress != 0;
    }
    void quantity(Quantity&) override {}
    decltype(add)& add_line;
    std::set<std::string> names;
  } declared(add);
  for (const RunRecord& run : runs) method_of(run).shown(declared);
  const auto after = [](const std::string& column, std::string_view prefix) { return column.substr(prefix.size()); };
  for (const RunRecord& run : runs)
    for (const std::string& column : run.metrics ? run.metrics->columns : std::vector<std::string>()) {
      if (declared.names.contains(column)) continue;
      if (column.starts_with("grad_")) {
        Chart& chart = add("Gradient norms", column, after(column, "grad_"));
        chart.about = "of the parameters, before clipping";
        chart.log = true;
      } else if (column.ends_with("_lr")) {
        add("Learning rates", column, column.substr(0, column.size() - 3)).log = true;
      } else if (column.starts_with("seconds_")) {
        Chart& chart = add("Seconds per phase", column, after(column, "seconds_"));
        chart.about = "of one iteration";
        chart.log = true;
      }
    }
  std::stable_partition(all.begin(), all.end(), [](const Chart& chart) { return chart.first; });
  Json json = Json::array();
  for (const Chart& chart : all)
    json.push_back({{"title", chart.title}, {"lines", chart.lines}, {"about", chart.about}, {"log", chart.log}});
  return json;
}

// The picture for the page, or null and a note.
Json image(const fs::path& file, Json& notes) {
  try {
    const std::vector<std::byte> bytes = read_file(file, kMaxImageBytes);
    check_png(bytes, file.string());  // a browser would show a damaged one without a word
    return png_uri(bytes);
  } catch (const Error& e) {
    notes.push_back(e.message());
    return nullptr;
  }
}

Json parsed_results(const RunRecord::Results& results) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) {
    EBM_CHECK(depth <= kMaxDepth, "report", "JSON nested too deeply", fmt::format("{} levels", kMaxDepth));
    return true;
  };
  return Json::parse(results.text, shallow);
}

Json run_data(const RunRecord& run, const std::string& name, int64_t points) {
  Json notes = run.notes, settings = Json::array(), samples = Json::array(), pictures = Json::array(),
       results = Json::array();
  for (const RunRecord::Setting& s : run.settings)
    settings.push_back({{"key", s.key}, {"value", s.value}, {"help", s.help}});
  for (const RunRecord::Sample& sample : run.samples)
    if (Json uri = image(sample.file, notes); !uri.is_null())
      samples.push_back({{"iteration", sample.iteration}, {"image", std::move(uri)}});
  for (const fs::path& picture : run.pictures)
    if (Json uri = image(picture, notes); !uri.is_null())
      pictures.push_back({{"name", picture.filename().string()}, {"image", std::move(uri)}});
  for (const RunRecord::Results& file : run.results) {
    try {
      results.push_back({{"file", file.name}, {"content", parsed_results(file)}});
    } catch (const Json::exception&) {
      notes.push_back(file.name + " is not shown: it is no JSON");
    } catch (const Error& e) {
      notes.push_back(file.name + " is not shown: " + e.message());
    }
  }
  return {{"name", name},
          {"device", run.device},
          {"version", run.version},
          {"start", method_of(run).start},
          {"settings", settings},
          {"changes", run.changes},
          {"curves", run.metrics ? curves(*run.metrics, points) : Json(nullptr)},
          {"scores", run.scores ? scores(*run.scores) : Json(nullptr)},
          {"samples", samples},
          {"pictures", pictures},
          {"results", results},
          {"notes", notes}};
}

// Folder names, or whole paths where two folders are of one name.
std::vector<std::string> run_names(std::span<const RunRecord> runs) {
  std::vector<std::string> names;
  for (const RunRecord& run : runs) {
    const fs::path folder = fs::absolute(run.folder).lexically_normal();
    names.push_back((folder.has_filename() ? folder : folder.parent_path()).filename().string());
  }
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    for (size_t i = 0; i < runs.size(); ++i) names[i] = runs[i].folder.string();
  return names;
}

// JSON that may stand inside a script element: no text in it can end that element or begin a comment.
std::string script_json(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<')
      safe += "\\u003c";  // '<' stands inside strings only, where this means the same
    else
      safe.push_back(c);
  }
  return safe;
}

}  // namespace

std::string report_page(std::span<const RunRecord> runs, int reload) {
  EBM_CHECK(!runs.empty() && static_cast<int64_t>(runs.size()) <= kMostRunsInReport, "report",
            fmt::format("{} runs", runs.size()), fmt::format("1 to {}", kMostRunsInReport));
  const int64_t points = std::min(kPoints, kPointsOfAllRuns / static_cast<int64_t>(runs.size()));
  const std::vector<std::string> names = run_names(runs);
  Json list = Json::array();
  for (size_t i = 0; i < runs.size(); ++i) list.push_back(run_data(runs[i], names[i], points));
  Json data = {{"runs", list}, {"charts", charts(runs)}};
  if (reload > 0) {
    data["live"] = reload;
    data["written"] = std::time(nullptr);
  }
  return std::string(kReportHead) + kReportStyle + kReportBody + script_json(data) + kReportScript;
}

void write_report(std::span<const fs::path> folders, const fs::path& out, int reload) {
  std::vector<RunRecord> runs;
  for (const fs::path& folder : folders) runs.push_back(read_run(folder));
  const std::string page = report_page(runs, reload);
  write_file_atomically(out, std::as_bytes(std::span(page)));
}

}  // namespace ebm
