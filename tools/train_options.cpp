#include "tools/train_options.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/check.h"
#include "core/deterministic.h"
#include "core/precision.h"
#include "core/words.h"
#include "kernels/conv/conv_plan.h"
#include "tools/command_line.h"
#include "tools/data.h"
#include "tools/judge.h"
#include "train/data/facades.h"
#include "train/files/file_io.h"
#include "train/recipes.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr char kRuns[] = "runs";

bool is_recipe(const std::string& word, const std::string& method) {
  const std::vector<std::string> names = recipe_names(method);
  return std::find(names.begin(), names.end(), word) != names.end();
}

bool is_run_of(const fs::path& folder, const std::string& recipe) {
  try {
    const std::vector<std::byte> bytes = read_file(folder / "config.toml", 1 << 20);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return read_config(text, folder.string()).settings->recipe == recipe;
  } catch (const Error&) {
    return false;
  }
}

// The run of a recipe below runs/ whose last checkpoint is the youngest.
fs::path latest_run(const std::string& recipe) {
  fs::path latest;
  fs::file_time_type youngest;
  std::error_code error;
  for (fs::directory_iterator it(kRuns, error), end; !error && it != end; it.increment(error)) {
    const std::vector<fs::path> checkpoints = list_checkpoints(it->path());
    if (checkpoints.empty()) continue;
    std::error_code gone;
    const fs::file_time_type time = fs::last_write_time(checkpoints.back(), gone);
    if (gone || (!latest.empty() && time <= youngest) || !is_run_of(it->path(), recipe)) continue;
    latest = it->path();
    youngest = time;
  }
  EBM_CHECK(!latest.empty(), "--resume", "no run of " + recipe + " with a checkpoint below " + kRuns + "/",
            "--resume with a run's folder or a checkpoint");
  return latest;
}

void refuse_other_run(const std::string& out) {
  EBM_CHECK(!fs::exists(fs::path(out) / "metrics.csv"), "--out", out + ", which holds a run",
            "another folder, or --resume to go on with it");
}

Checkpoint find_checkpoint(TrainFlags& flags) {
  if (flags.recipe.empty() && is_recipe(flags.resume, flags.method) && !fs::exists(flags.resume))
    std::swap(flags.recipe, flags.resume);
  if (!flags.resume.empty()) return read_checkpoint(flags.resume);
  if (!flags.out.empty()) return read_checkpoint(flags.out);
  EBM_CHECK(!flags.recipe.empty(), "--resume", "neither a recipe nor a run",
            "`train_ebm_vae mnist --resume` or --resume DIR");
  return read_checkpoint(latest_run(flags.recipe));
}

void refuse_change(const char* flag, const std::string& checkpoint, const std::string& given) {
  EBM_CHECK(checkpoint == given, "--resume",
            fmt::format("{} {} for a checkpoint made with {}", flag, given, checkpoint),
            "the same: the networks would differ");
}

// Throws Error for "--flag" or "--flag=value" that is a setting of other methods only.
void refuse_flag_of_others(const CLI::App& app, const std::string& word, const std::string& method) {
  const std::string flag = word.substr(0, word.find('='));
  if (!flag.starts_with("--") || app.get_option_no_throw(flag)) return;
  std::vector<std::string> owners;
  for (const MethodRecord& record : methods())
    if (has_setting(record, flag.substr(2))) owners.push_back(record.name);
  EBM_CHECK(owners.empty(), flag, "a setting of " + either(owners), "one of " + method);
}

Profile choose_profile(const TrainFlags& flags, Device device) {
  if (flags.profile != "auto") return parse_profile(flags.profile);
  return device.is_cuda() && has_profile(flags.method, flags.recipe, Profile::paper) ? Profile::paper : Profile::laptop;
}

// Which data set a recipe is to be trained on instead of its own.
void choose_dataset(const std::string& data, Settings& settings) {
  EBM_CHECK(settings.of_folder() == (data == kFolder), "--dataset", data + " for the recipe " + settings.recipe,
            "a data set of the recipe's image size; `folder --images DIR` trains on images of your own");
  if (data != kFolder) check_dataset_name("--dataset", data);
  settings.data = data;
}

// The recipe's own photographs, where `ebm fetch` puts them.
void find_facades(const std::string& data_option, Settings& settings) {
  if (settings.recipe != kFacades || !settings.folder.images.empty()) return;
  const fs::path folder = data_root(data_option) / kFacades;
  std::error_code error;
  EBM_CHECK(fs::is_directory(folder / "train", error), "facades", folder.string() + " without train/ in it",
            "the photographs, which `./ebm fetch facades` makes; --images DIR learns from a folder of your own");
  settings.folder.images = folder.string();
}

}  // namespace

void TrainFlags::add_to(CLI::App& app, const std::string& recipe_for_help, int argc, char** argv) {
  app.allow_config_extras(CLI::config_extras_mode::error);
  const std::vector<std::string> names = recipe_names(method);
  app.add_option("recipe", recipe, either(names))->type_name("");
  app.add_option("--profile", profile, "auto: paper on a GPU, laptop on the CPU")->type_name("auto|paper|laptop");
  app.add_option("--dataset", dataset, "the data set [the recipe's]")->type_name("NAME");
  app.add_option("--device", device, "auto: a GPU if there is one")->type_name("auto|cpu|cuda|cuda:N");
  app.add_option("--epochs", epochs, "passes over the data, in place of --iterations")->type_name("N");
  app.add_option("--out", out, "folder of the run [runs/RECIPE-TIME]")->type_name("DIR");
  app.add_option_function<std::string>(
         "--resume",
         [this](const std::string& text) {
           resume = text;
           resume_given = true;
         },
         "go on with a run: its folder, a checkpoint, or nothing for the latest run of the recipe")
      ->expected(0, 1)
      ->configurable(false)
      ->type_name("[DIR|FILE]");
  add_data_option(app, data);
  app.add_option("--threads", threads, "CPU threads [all cores]")->type_name("N");
  app.add_option("--comm-timeout", comm_timeout, "under mpirun: seconds that a process waits for the others [60]")
      ->type_name("N");
  app.add_flag("--quiet", quiet, "print errors and warnings only");
  app.set_config("--config", "", "read settings from a config.toml", false)->type_name("FILE");
  app.add_flag("--no-graph", no_graph, "GPU: launch each kernel apart instead of replaying a CUDA graph")
      ->configurable(false);
  RunSettings run_defaults;
  run.add_to(app, run_defaults, run_defaults, "Options");
  const std::string shown = is_recipe(recipe_for_help, method) ? recipe_for_help : names.front();
  const auto laptop = recipe_settings(method, shown, Profile::laptop);
  const auto paper =
      recipe_settings(method, shown, has_profile(method, shown, Profile::paper) ? Profile::paper : Profile::laptop);
  settings.add_to(app, *laptop, *paper, "Settings");
  app.preparse_callback([this, &app, argc, argv](size_t) {
    for (int i = 1; i < argc; ++i) refuse_flag_of_others(app, argv[i], method);
  });
}

std::string resumed_method(int argc, char** argv) {
  std::string run;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--resume=")) run = word.substr(std::string("--resume=").size());
    if (word == "--resume" && i + 1 < argc) run = argv[i + 1];
  }
  try {
    return run.empty() ? "" : read_config(read_checkpoint(run).config(), run).settings->method;
  } catch (const Error&) {
    return "";  // a recipe, or what find_checkpoint will refuse
  }
}

TrainPlan plan_run(TrainFlags& flags) {
  EBM_CHECK(flags.epochs.empty() || !flags.iterations_given, "--epochs", "--iterations too", "one of the two");
  apply_threads(flags.threads);
  TrainPlan plan;
  RunOptions& options = plan.options;
  options.device = parse_device(flags.device);

  if (flags.resume_given) {
    options.resume = std::make_shared<const Checkpoint>(find_checkpoint(flags));
    plan.resumed = read_config(options.resume->config(), options.resume->path.string());
    const Config& config = *plan.resumed;
    std::unique_ptr<Settings> settings = config.settings->clone();
    options.run = config.run;
    if (!flags.recipe.empty()) refuse_change("recipe", config.settings->recipe, flags.recipe);
    if (!flags.dataset.empty()) refuse_change("--dataset", config.settings->data, flags.dataset);
    if (flags.profile != "auto") refuse_change("--profile", to_string(config.settings->profile), flags.profile);
    if (flags.method_given) refuse_change("--method", config.settings->method, flags.method);
    flags.settings.apply(*settings);
    check_same_networks(*config.settings, *settings);
    plan.profile_line = fmt::format("resuming {} ({} profile) on {}", options.resume->path.string(),
                                    to_string(settings->profile), describe(options.device));
    plan.settings = std::move(settings);
  } else {
    const std::vector<std::string> names = recipe_names(flags.method);
    EBM_CHECK(!flags.recipe.empty(), "command line", "no recipe",
              either(names) + ", as in `train_ebm_vae " + names.front() + "`");
    EBM_CHECK(is_recipe(flags.recipe, flags.method), "recipe", "\"" + flags.recipe + "\"",
              either(names) + suggestion(flags.recipe, names));
    plan.settings = recipe_settings(flags.method, flags.recipe, choose_profile(flags, options.device));
    if (!flags.dataset.empty()) choose_dataset(flags.dataset, *plan.settings);
    flags.settings.apply(*plan.settings);
    find_facades(flags.data, *plan.settings);
    plan.profile_line =
        fmt::format("{}: {}, {} profile{} on {}", flags.recipe, flags.method, to_string(plan.settings->profile),
                    flags.profile == "auto" ? " (auto)" : "", describe(options.device));
  }
  if (FolderSettings& folder = plan.settings->folder; !folder.images.empty())
    folder.images = fs::absolute(folder.images).lexically_normal().string();  // from wherever the run goes on
  flags.run.apply(options.run);
  if (options.run.score_every > 0) need_labels(*plan.settings, "--score-every", "0, no scores while it trains");
  check_settings(options.run);
  check_settings(*plan.settings);
  if (options.run.logical_ranks > 0) {
    EBM_CHECK(!options.device.is_cuda(), "--logical-ranks",
              fmt::format("{} on {}", options.run.logical_ranks, to_string(options.device)),
              "it with --device cpu: ranks on a GPU are processes");
    options.run.deterministic = true;  // what processes find by timing differs
  }
  options.graph = !flags.no_graph;
  set_deterministic(options.run.deterministic);
  if (options.run.precision == "auto" && !options.resume)
    options.run.precision = precision_of_new_run(options.device, *plan.settings);
  const Precisions precisions = choose_precisions(options.run.precision, options.device, *plan.settings);
  set_precisions(precisions);
  plan.profile_line += ", " + precisions.text;
  return plan;
}

fs::path new_run_folder(const TrainFlags& flags, const std::string& recipe) {
  if (!flags.out.empty()) {
    refuse_other_run(flags.out);
    return flags.out;
  }
  const std::time_t now = std::time(nullptr);
  const fs::path folder = fs::path(kRuns) / fmt::format("{}-{:%Y%m%d-%H%M%S}", recipe, fmt::localtime(now));
  fs::path unique = folder;
  for (int i = 2; fs::exists(unique); ++i) unique = fmt::format("{}-{}", folder.string(), i);
  return unique;
}

fs::path resumed_run_folder(const TrainFlags& flags, const fs::path& checkpoint) {
  const fs::path own = checkpoint.has_parent_path() ? checkpoint.parent_path() : ".";
  std::error_code error;
  if (flags.out.empty() || fs::equivalent(flags.out, own, error)) return own;
  refuse_other_run(flags.out);
  return flags.out;
}

}  // namespace ebm
