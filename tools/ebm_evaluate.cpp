#include <optional>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "tools/ebm_evaluate_completion.h"
#include "tools/judge.h"
#include "tools/progress.h"
#include "tools/sample_export.h"
#include "tools/score_table.h"
#include "tools/settings_flags.h"
#include "tools/world.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr double kLongest = 3600;  // seconds that processes wait for each other: a part of the samples may take long

constexpr int64_t kComparable = 2000;  // images; the bias of fewer is as large as differences that matter

struct EvaluateFlags {
  ModelFlags model;
  ChainFlags chain;  // of the revised samples
  JudgeFlags judge;
  std::string metrics = "fd,kid,is,prdc,sure", split = "train", n = "10000", export_folder, json;
  bool n_given = false;
  std::string of_samples;  // a flag that was given and is about samples of nothing given
};

Split parse_split(const std::string& text) {
  EBM_CHECK(text == "train" || text == "test", "--split", "\"" + text + "\"", "train or test");
  return text == "train" ? Split::train : Split::test;
}

void run_evaluate(const EvaluateFlags& flags, World& world) {
  Communicator& ranks = world.ranks();
  const bool leads = ranks.rank() == 0;
  const auto tell = [leads](const std::string& line) {
    if (leads) say(line);
  };
  ranks.set_seconds(kLongest);
  share_cores(world, flags.model.threads);
  EvaluationOptions options;
  options.metrics = parse_metrics(flags.metrics, flags.judge.by_inception());
  options.split = parse_split(flags.split);
  options.n = parse_count("n", flags.n, kFewestImages);
  options.seed = flags.chain.key_seed();
  ModelFlags model = flags.model;
  model.device = own_device(world, model.device);
  const auto trainer = load_model(model);
  const Settings& s = trainer->settings();
  if (can(s.method, Ability::complete)) {
    EBM_CHECK(ranks.alone(), "evaluate", "several processes for a conditional model", "one");
    EBM_CHECK(flags.of_samples.empty(), "evaluate", flags.of_samples + " for a conditional model",
              "--n, --steps, --seed, --data or --json: its scores are PSNR, SSIM and diversity of completions");
    return evaluate_completion(
        *trainer, {.data = flags.judge.data,
                   .n = flags.n_given ? options.n : 0,
                   .steps = flags.chain.steps.empty() ? trainer->abilities().usual.steps
                                                      : parse_count("steps", flags.chain.steps, 0, kMostLangevinSteps),
                   .seed = options.seed,
                   .json = output_path(flags.json, flags.model.run, "scores.json"),
                   .png = output_path("", flags.model.run, "completions.png")});
  }
  if (options.metrics.features() && !flags.judge.by_inception())
    need_labels(s, "--features classifier", "--metrics psnr,ssim, or --features inception");
  options.num_steps = flags.chain.num_steps(*trainer);
  options.noise_scale = flags.chain.noise(*trainer);

  // Whatever may be wrong is looked at before the hours of work, not after them.
  const std::string& data = flags.judge.data;
  const auto load = [&](Split split) {
    return load_in_turn<Dataset>(ranks, [&] { return load_own(s, data, split, tell); });
  };
  const Dataset train = load(Split::train), test = load(Split::test);
  check_options(options, s, train, test);
  const std::filesystem::path json = output_path(flags.json, flags.model.run, "scores.json");
  std::optional<SampleExport> samples;
  ranks.by_first(
      [&] {
        check_writable(json);
        if (!flags.export_folder.empty()) samples.emplace(flags.export_folder, options.n, trainer->abilities().image);
      },
      kLongest);

  Judge judge;
  if (options.metrics.features())
    judge = load_in_turn<Judge>(ranks, [&] { return load_judge(flags.judge, s.data, trainer->device(), tell); });
  EvaluationObserver observer;
  observer.progress = [line = OccasionalLine()](const char* what, int64_t done, int64_t all) mutable {
    line(fmt::format("{} of {} {}", done, all, what));
  };
  if (!flags.export_folder.empty()) {
    observer.samples = [&](int64_t first, std::span<const uint8_t> generated, std::span<const uint8_t> revised) {
      samples->add(first, generated, revised);
    };
  }
  const Evaluation result = evaluate(*trainer, judge.network.get(), train, test, options, observer, &ranks);
  const auto conclude = [&] {
    const std::string& note = options.split == Split::train ? train.note : test.note;
    const ScoreContext context{s.recipe, s.method, trainer->iteration(), options, judge.source, note};
    // Shown before anything else is written: a full disk then costs no scores.
    say(fmt::format("{}\n{:.1f} s of sampling, {:.1f} s of features and scores", score_table(context, result),
                    result.model_seconds, result.score_seconds));
    if (options.metrics.frechet && options.n < kComparable)
      say(fmt::format(
          "note: of {} images Fréchet distances are too large: compare them with those of as many images alone",
          options.n));
    const std::string text = score_json(context, result);
    write_file_atomically(json, std::as_bytes(std::span(text)));
    if (samples) samples->commit();
  };
  ranks.by_first(conclude, kLongest);
}

}  // namespace

void add_evaluate_command(CLI::App& app, World& world) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command =
      app.add_subcommand("evaluate", "scores of a trained model's samples, or of a conditional one's completions");
  flags->model.add_to(*command);
  command
      ->add_option(
          "--metrics", flags->metrics,
          "fd or fid: Fréchet distance; kid: kernel distance; is: inception score; prdc: precision, recall, "
          "density, coverage; sure: share that the network is 90 % sure of; classes: how often each; psnr, ssim: of "
          "reconstructions g(mu(x)) [fd,kid,is,prdc,sure]")
      ->type_name("LIST");
  command->add_option("--n", flags->n, "samples, and images they are compared with [10000]")->type_name("N");
  command->add_option("--split", flags->split, "images to compare with [train]")->type_name("train|test");
  flags->chain.add_steps_to(*command);
  flags->chain.add_noise_and_seed_to(*command);
  flags->judge.add_to(*command);
  command->add_option("--export", flags->export_folder, "writes the scored samples there, as PNGs and .npy")
      ->type_name("DIR");
  command
      ->add_option("--json", flags->json,
                   "the scores beside their floors, and all they depend on [scores.json in the run's folder, where a "
                   "report shows it]")
      ->type_name("FILE");
  command->callback([flags, command, &world] {
    flags->n_given = command->count("--n") > 0;
    for (const char* flag : {"--metrics", "--split", "--export", "--features", "--noise-scale"})
      if (command->count(flag) > 0) flags->of_samples = flag;
    run_evaluate(*flags, world);
  });
}

}  // namespace ebm
