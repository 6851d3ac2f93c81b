// The trainer's command line, and what becomes of it: from flags, config file and checkpoint to
// RunOptions.
#pragma once

#include <string>

#include <CLI/App.hpp>

#include "tools/settings_flags.h"
#include "train/run.h"

namespace ebm {

struct TrainFlags {
  std::string method = methods().front().name;  // known before the flags, which are its settings'
  std::string recipe, profile = "auto", dataset, device = "auto", epochs, out, resume, data, threads, comm_timeout;
  bool quiet = false, no_graph = false, resume_given = false, method_given = false;
  bool iterations_given = false;  // on the command line itself: a config file's give way to --epochs
  SettingsOptions settings, run;

  // Adds every option of the method's. Help shows the defaults of `recipe`. A flag of argv that is another method's is
  // refused by name when the app parses.
  void add_to(CLI::App& app, const std::string& recipe, int argc, char** argv);
};

// The method of the run that --resume names on the command line; "" where it names none.
std::string resumed_method(int argc, char** argv);

// A run ready to start, but for `folder` and the data.
struct TrainPlan {
  RunOptions options;
  std::unique_ptr<Settings> settings;  // iterations as given: --epochs needs the data set's size
  std::optional<Config> resumed;       // of the checkpoint that the run goes on from
  std::string profile_line;            // which profile and device were taken, for the user
};

// Throws Error for flags that contradict each other or, on resume, the checkpoint.
TrainPlan plan_run(TrainFlags& flags);

// A new run's folder below runs/, or --out; Error when a run is there already.
std::filesystem::path new_run_folder(const TrainFlags& flags, const std::string& recipe);
// The folder that the run of `checkpoint` goes on in: its own, or --out; Error when that holds another
// run.
std::filesystem::path resumed_run_folder(const TrainFlags& flags, const std::filesystem::path& checkpoint);

}  // namespace ebm
