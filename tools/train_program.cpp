#include "tools/train_program.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <span>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "core/check.h"
#include "core/thread_group.h"
#include "core/version.h"
#include "tools/command_line.h"
#include "tools/data.h"
#include "tools/evaluate/report.h"
#include "tools/live_report.h"
#include "tools/model_export.h"
#include "tools/progress.h"
#include "tools/training_score.h"

namespace ebm {
namespace {

constexpr double kConcludeSeconds = 3600;  // that the others wait for model and report

volatile std::sig_atomic_t stop_signal = 0;

// The first signal asks for a clean end; a second one of its kind ends the program at once. But SIGPIPE and
// SIGXCPU (`ulimit -St SECONDS`: the processor time is used up) come again and again by themselves.
void stop_cleanly_on_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE, SIGXCPU}) {
    struct sigaction action {};
    action.sa_handler = [](int received) { stop_signal = received; };
    action.sa_flags = number == SIGPIPE || number == SIGXCPU ? 0 : SA_RESETHAND;
    ::sigaction(number, &action, nullptr);
  }
}

// Does what is no part of the training and must not lose it; returns why it could not, "" when it could.
template <class F>
std::string trouble_of(const F& action) {
  try {
    action();
    return "";
  } catch (const Error& e) {
    return e.message();
  } catch (const std::exception& e) {
    return e.what();
  }
}

std::string report_trouble(const std::filesystem::path& folder) {
  return trouble_of([&] { write_report({{folder}}, folder / kReportName); });
}

// Prints a line at once, unless the run is quiet.
struct Say {
  Progress::Style style;
  void operator()(const std::string& line) const {
    if (style != Progress::Style::quiet) say(line);
  }
};

// The run's folder; tells where equal bits cannot be hoped for.
std::filesystem::path choose_folder(const TrainFlags& flags, const TrainPlan& plan, const Say& tell) {
  const RunOptions& options = plan.options;
  if (!options.resume) return new_run_folder(flags, plan.settings->recipe);
  const std::string& threads = options.resume->file.metadata.at(kCheckpointThreads);
  if (!options.device.is_cuda() && threads != std::to_string(num_threads()))
    tell(fmt::format("note: begun with {} threads, now {}: the last bits may differ from an uninterrupted run", threads,
                     num_threads()));
  return resumed_run_folder(flags, options.resume->path);
}

// The lines of config.toml about what resumes have changed: those of the checkpoint's, and what this one changes, which
// is told.
std::string history(const TrainPlan& plan, const Say& tell) {
  const Checkpoint& checkpoint = *plan.options.resume;
  std::string lines;
  std::istringstream config(checkpoint.config());
  for (std::string line; std::getline(config, line);)
    if (line.starts_with(kChangedAt)) lines += line + "\n";
  const std::unique_ptr<Settings> before = plan.resumed->settings->clone(), now = plan.settings->clone();
  before->iterations = now->iterations;  // a longer run has the checkpoints of one that was meant to be so long
  RunSettings run_before = plan.resumed->run, run_now = plan.options.run;
  std::vector<std::string> changed = changes(list_settings(*before), list_settings(*now));
  for (std::string& line : changes(list_settings(run_before), list_settings(run_now)))
    changed.push_back(std::move(line));
  for (const std::string& change : changed) {
    const std::string& iteration = checkpoint.file.metadata.at("iteration");
    lines += fmt::format("{}{}: {}\n", kChangedAt, iteration, change);
    tell(fmt::format("changed, from iteration {} on: {}", iteration, change));
  }
  return lines;
}

// Settles how long the run is, now that the number of images is known, and what config.toml says.
void settle(const TrainFlags& flags, TrainPlan& plan, int64_t images, const Say& tell) {
  Settings& settings = *plan.settings;
  RunOptions& options = plan.options;
  if (!flags.epochs.empty())
    settings.iterations = parse_count("epochs", flags.epochs, 1) * settings.epoch_iterations(images);
  check_settings(settings);
  options.config = config_text(settings, options.run);
  options.settings = settings.clone();
  if (!options.resume) return;
  const int64_t done = std::stoll(options.resume->file.metadata.at("iteration"));
  EBM_CHECK(done < settings.iterations, "--resume",
            fmt::format("{}, where all {} iterations are done", options.resume->path.string(), done),
            fmt::format("--iterations above {}", done));
  options.config += history(plan, tell);
}

// What the run has come to: short lines, the last of them where to look or how to go on.
void tell_end(const RunResult& result, const TrainPlan& plan, double seconds, bool has_report, Door door,
              Progress& progress) {
  const Settings& settings = *plan.settings;
  const std::filesystem::path& folder = plan.options.folder;
  const std::string best = result.best.empty() ? "" : fmt::format("; best {}", result.best);
  if (result.stopped) {
    progress.say(
        fmt::format("stopped at iteration {} after {}, saved{}", result.iterations, duration_text(seconds), best));
    progress.say(fmt::format("go on with: {} {} --resume {}",
                             door == Door::ebm_train ? "ebm train " + settings.method : "train_ebm_vae",
                             settings.recipe, folder.string()));
    return;
  }
  progress.say(fmt::format("done: {} iterations of {} in {}{}", result.iterations, settings.recipe,
                           duration_text(seconds), best));
  progress.say(has_report ? page_address(folder / kReportName) : folder.string());
}

// Progress on the terminal and on the run's page.
class View : public Progress {
 public:
  View(Style style, int64_t total, const std::filesystem::path& folder)
      : Progress(style, total), folder_(folder), page_(folder) {}
  void started(const Trainer& trainer) override {
    say(fmt::format("to look on while it trains: {}", page_address(folder_ / kReportName)));
    Progress::started(trainer);
  }
  void stepped(const Metrics& metrics) override {
    Progress::stepped(metrics);
    page_.refresh();
  }
  void failed() override { report_trouble(folder_); }  // one that diverged for good is worth a look

 private:
  const std::filesystem::path folder_;
  LiveReport page_;
};

// What ranks must have alike, as rank 0 has it: it was timed, or has the time of day in it.
void take_from_first(Communicator& ranks, TrainPlan& plan) {
  if (ranks.alone()) return;
  std::string folder = plan.options.folder.string(), precision = plan.options.run.precision;
  broadcast(ranks, folder);
  broadcast(ranks, precision);
  plan.options.folder = folder;
  plan.options.run.precision = precision;
  set_precisions(choose_precisions(precision, plan.options.device, *plan.settings));
}

// One rank's part of the run. Rank 0 tells how it goes, and leaves model and report. Returns the program's code.
int train_as_rank(Communicator& ranks, const TrainPlan& plan, const Source& source, const Say& tell, Door door) {
  RunOptions options = plan.options;
  options.ranks = &ranks;
  const bool leads = ranks.rank() == 0;
  RunObserver silent;
  std::optional<View> view;
  if (leads) view.emplace(tell.style, plan.settings->iterations, options.folder);
  const auto begin = std::chrono::steady_clock::now();
  const RunResult result = run_training(options, source, leads ? *view : silent);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto conclude = [&] {
    const std::string no_model =
        trouble_of([&] { write_model(read_checkpoint(result.checkpoint), options.folder / kModelName); });
    if (!no_model.empty()) view->notice("no " + std::string(kModelName) + ": " + no_model);
    const std::string trouble = report_trouble(options.folder);
    if (!trouble.empty()) view->notice("no report: " + trouble);
    tell_end(result, plan, seconds, trouble.empty(), door, *view);
  };
  ranks.by_first(conclude, kConcludeSeconds);
  return result.stopped ? 128 + (stop_signal != 0 ? stop_signal : SIGTERM) : 0;  // another process's signal, where none
}

// Which processes and threads train.
std::string parties(int processes, int64_t logical_ranks) {
  const std::string of = fmt::format("{} process{}", processes, processes == 1 ? "" : "es");
  return logical_ranks == 0 ? fmt::format("{}, {} threads each", of, num_threads())
                            : fmt::format("{} ranks in {}, {} threads each", logical_ranks, of, num_threads());
}

// Processes may be given different flags, or be of different builds. On GPUs they must give the same work to chips of a kind,
// recorded or not.
void check_alike(Communicator& processes, const RunOptions& options) {
  std::string all = version() + options.config;
  if (options.device.is_cuda())
    all += fmt::format("{} {} {}", describe(options.device), options.graph, sync_after_launch());
  processes.check_alike(std::hash<std::string>{}(all), "settings",
                        "the same flags, program and kind of device in all processes");
}

int train(TrainFlags& flags, Door door, World& world) {
  Communicator& processes = world.ranks();
  const double seconds =
      flags.comm_timeout.empty() ? 60 : static_cast<double>(parse_count("comm-timeout", flags.comm_timeout, 1));
  processes.set_seconds(seconds);
  share_cores(world, flags.threads);
  flags.device = own_device(world, flags.device);
  TrainPlan plan = plan_run(flags);
  RunOptions& options = plan.options;
  const int64_t logical_ranks = options.run.logical_ranks;
  check_devices(processes, options.device);
  world.connect(options.device);
  std::optional<ThreadGroup> group;
  if (logical_ranks > 0) {
    group.emplace(static_cast<int>(logical_ranks), world.processes());
    if (flags.threads.empty()) set_num_threads(1);  // as many whatever the number of processes
  }
  const bool leads = processes.rank() == 0;
  const Say tell{leads ? Progress::choose(flags.quiet) : Progress::Style::quiet};
  tell(plan.profile_line);
  if (!processes.alone() || logical_ranks > 0) tell(parties(processes.size(), logical_ranks));
  if (const std::string note = plan.settings->note(); !note.empty()) tell("note: " + note);
  options.folder = choose_folder(flags, plan, tell);
  take_from_first(processes, plan);
  const auto data =
      load_in_turn<TrainingData>(processes, [&] { return load_training_data(*plan.settings, flags.data, tell); });
  if (!data.note().empty()) tell("note: " + data.note());
  if (data.folder) {  // the run goes by what was found
    plan.settings->folder.channels = data.folder->shape().channels;
    plan.settings->folder.image_count = data.count();
  }
  settle(flags, plan, data.count(), tell);
  check_alike(processes, options);
  const std::unique_ptr<const Source> source = data.source(*plan.settings);
  tell(fmt::format("{} {}; {} iterations into {}", data.count(), data.points ? "points an epoch" : "images",
                   plan.settings->iterations, options.folder.string()));

  if (leads && options.run.score_every > 0)
    options.score = training_score(*plan.settings, data.dataset, flags.data, options.device, tell);
  options.stop_requested = [] { return stop_signal != 0; };
  stop_cleanly_on_signals();
  if (!group) return train_as_rank(processes, plan, *source, tell, door);
  int code = 0;
  group->run([&](int i) {
    Communicator ranks(group->transport(i), seconds);
    const int own = train_as_rank(ranks, plan, *source, tell, door);
    if (i == 0) code = own;
  });
  return code;
}

}  // namespace

std::string word_among(int argc, char** argv, const std::vector<std::string>& names, const std::string& otherwise) {
  for (int i = 1; i < argc; ++i)
    if (std::find(names.begin(), names.end(), argv[i]) != names.end()) return argv[i];
  return otherwise;
}

int train_program(TrainFlags& flags, int argc, char** argv, Door door, World& world) {
  flags.iterations_given = std::any_of(argv, argv + argc, [](std::string_view word) {
    return word == "--iterations" || word.starts_with("--iterations=");
  });
  return train(flags, door, world);
}

}  // namespace ebm
