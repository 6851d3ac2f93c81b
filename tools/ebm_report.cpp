#include <fmt/format.h>

#include "core/check.h"
#include "tools/ebm_commands.h"
#include "tools/evaluate/report.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

struct ReportFlags {
  std::vector<std::string> runs;
  std::string out;
};

void report(const ReportFlags& flags) {
  const std::vector<fs::path> folders(flags.runs.begin(), flags.runs.end());
  EBM_CHECK(static_cast<int64_t>(folders.size()) <= kMostRunsInReport, "report", fmt::format("{} runs", folders.size()),
            fmt::format("at most {}", kMostRunsInReport));
  const fs::path own = folders.size() == 1 ? folders.front() / kReportName : fs::path(kReportName);
  const fs::path out = flags.out.empty() ? own : fs::path(flags.out);
  write_report(folders, out);
  fmt::print("report of {} run{} in {}\n", folders.size(), folders.size() == 1 ? "" : "s", out.string());
}

}  // namespace

void add_report_command(CLI::App& app) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = app.add_subcommand("report", "one HTML page about one or more runs, side by side");
  command->add_option("runs", flags->runs, "folders of runs, at most 8")->required()->type_name("DIR");
  command
      ->add_option(
          "--out", flags->out,
          "the page; it needs no other file and no network [report.html in the run's folder, of several runs here]")
      ->type_name("FILE.html");
  command->callback([flags] { report(*flags); });
}

}  // namespace ebm
