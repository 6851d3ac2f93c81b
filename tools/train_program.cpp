#include "tools/train_program.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/evaluate/report.h"
#include "tools/progress.h"

namespace ebm {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

// The first signal asks for a clean end; a second one of its kind ends the program at once. But SIGPIPE and
// SIGXCPU (`ulimit -St SECONDS`: the processor time is used up) come again and again by themselves.
void stop_cleanly_on_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU}) {
    struct sigaction action {};
    action.sa_handler = [](int received) { stop_signal = received; };
    action.sa_flags = number == SIGPIPE || number == SIGXCPU ? 0 : SA_RESETHAND;
    ::sigaction(number, &action, nullptr);
  }
}

// Writes the report of a run's folder; returns why it could not, "" when it could.
std::string report_trouble(const std::filesystem::path& folder) {
  try {
    write_report({{folder}}, folder / kReportName);
    return "";
  } catch (const Error& e) {
    return e.message();
  } catch (const std::exception& e) {
    return e.what();
  }
}

int train(TrainFlags& flags, const std::string& program) {
  TrainPlan plan = plan_run(flags);
  RunOptions& options = plan.options;
  Settings& settings = *plan.settings;
  const Progress::Style style = Progress::choose(flags.quiet);
  const auto say = [&](const std::string& line) {
    if (style == Progress::Style::quiet) return;
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  say(plan.profile_line);
  if (options.resume) {
    options.folder = resumed_run_folder(flags, options.resume->path);
    const std::string& threads = options.resume->file.metadata.at(kCheckpointThreads);
    if (!options.device.is_cuda() && threads != std::to_string(num_threads()))
      say(fmt::format("note: begun with {} threads, now {}: the last bits may differ from an uninterrupted run",
                      threads, num_threads()));
  } else {
    options.folder = new_run_folder(flags, settings.recipe);
  }

  const Dataset dataset = load_or_fetch(settings.data, flags.data, Split::train, say);
  if (!dataset.note.empty()) say("note: " + dataset.note);
  if (!flags.epochs.empty())
    settings.iterations = parse_count("epochs", flags.epochs, 1) * settings.epoch_iterations(dataset.count());
  check_settings(settings);
  options.config = config_text(settings, plan.run);
  options.settings = settings.clone();
  if (options.resume) {
    const int64_t done = std::stoll(options.resume->file.metadata.at("iteration"));
    EBM_CHECK(done < settings.iterations, "--resume",
              fmt::format("{}, where all {} iterations are done", options.resume->path.string(), done),
              fmt::format("--iterations above {}", done));
  }
  say(fmt::format("{} images; {} iterations into {}", dataset.count(), settings.iterations, options.folder.string()));

  options.stop_requested = [] { return stop_signal != 0; };
  stop_cleanly_on_signals();
  Progress progress(style, settings.iterations);
  const auto begin = std::chrono::steady_clock::now();
  RunResult result;
  try {
    result = run_training(options, dataset, progress);
  } catch (const Error&) {
    report_trouble(options.folder);  // a run that diverged for good is worth a look; its error is what is told
    throw;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  const std::string trouble = report_trouble(options.folder);
  if (!trouble.empty()) progress.notice("no report: " + trouble);
  const std::string checkpoint = result.checkpoint.filename().string();
  if (result.stopped) {
    progress.say(fmt::format("stopped at iteration {} after {}, saved as {}; go on with: {} {} --resume {}",
                             result.iterations, duration_text(seconds), checkpoint, program, settings.recipe,
                             options.folder.string()));
    return 128 + stop_signal;
  }
  progress.say(
      fmt::format("done: {} iterations of {} in {}; samples in {} (left: {}, right: "
                  "revised), {}, metrics.csv{}, all in {}",
                  result.iterations, settings.recipe, duration_text(seconds), result.samples.string(),
                  method_record(settings.method).start, checkpoint,
                  trouble.empty() ? fmt::format(", {}", kReportName) : "", options.folder.string()));
  return 0;
}

}  // namespace

std::string word_among(int argc, char** argv, const std::vector<std::string>& names, const std::string& otherwise) {
  for (int i = 1; i < argc; ++i)
    if (std::find(names.begin(), names.end(), argv[i]) != names.end()) return argv[i];
  return otherwise;
}

int train_program(TrainFlags& flags, int argc, char** argv, const std::string& program) {
  flags.iterations_given = std::any_of(argv, argv + argc, [](std::string_view word) {
    return word == "--iterations" || word.starts_with("--iterations=");
  });
  return train(flags, program);
}

}  // namespace ebm
