#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/ebm_commands.h"
#include "tools/evaluate/report.h"
#include "tools/live_report.h"
#include "tools/settings_flags.h"
#include "train/files/run_lock.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostSeconds = 86'400;

struct ReportFlags {
  std::vector<std::string> runs;
  std::string out, every = "30";
  bool watch = false;
};

// Writes the page again and again while one of the runs is training.
void look_on(const std::vector<fs::path>& folders, const fs::path& out, int seconds) {
  const auto training = [](const fs::path& folder) { return RunLock::is_held(folder); };
  fmt::print("the page is written every {} s while a run is training: {}\n", seconds, page_address(out));
  std::fflush(stdout);
  while (std::any_of(folders.begin(), folders.end(), training)) {
    write_report(folders, out, seconds);
    for (int i = 0; i < seconds && std::any_of(folders.begin(), folders.end(), training); ++i)
      std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

// The folders, each once: two columns of the same run would say nothing.
std::vector<fs::path> different(const std::vector<std::string>& runs) {
  std::vector<fs::path> folders;
  for (const fs::path run : runs) {
    std::error_code none;  // what is not there is told when it is read
    const auto same = [&](const fs::path& folder) { return folder == run || fs::equivalent(folder, run, none); };
    if (std::none_of(folders.begin(), folders.end(), same))
      folders.push_back(run);
    else
      fmt::print("note: {} is given twice and shown once\n", run.string());
  }
  return folders;
}

void report(const ReportFlags& flags) {
  EBM_CHECK(static_cast<int64_t>(flags.runs.size()) <= kMostRunsInReport, "report",
            fmt::format("{} runs", flags.runs.size()), fmt::format("at most {}", kMostRunsInReport));
  EBM_CHECK(flags.out.empty() || fs::path(flags.out).extension() == ".html", "--out", flags.out,
            "a name that ends in .html");
  const std::vector<fs::path> folders = different(flags.runs);
  const fs::path own = folders.size() == 1 ? folders.front() / kReportName : fs::path(kReportName);
  const fs::path out = flags.out.empty() ? own : fs::path(flags.out);
  if (flags.watch) look_on(folders, out, static_cast<int>(parse_count("every", flags.every, 1, kMostSeconds)));
  write_report(folders, out);
  fmt::print("report of {} run{} in {}\n", folders.size(), folders.size() == 1 ? "" : "s", out.string());
}

}  // namespace

void add_report_command(CLI::App& app) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = app.add_subcommand("report", "one HTML page about one or more runs, side by side");
  command->add_option("runs,--run", flags->runs, "folders of runs, at most 8, by --run or alone")
      ->required()
      ->type_name("DIR");
  command
      ->add_option(
          "--out", flags->out,
          "the page; it needs no other file and no network [report.html in the run's folder, of several runs here]")
      ->type_name("FILE.html");
  command->add_flag("--watch", flags->watch,
                    "write the page again and again, and let it reload itself, as long as one of the runs is training");
  command->add_option("--every", flags->every, "seconds from one page of --watch to the next [30]")->type_name("N");
  command->callback([flags] { report(*flags); });
}

}  // namespace ebm
