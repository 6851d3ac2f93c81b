#include <algorithm>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/command_line.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "tools/evaluate/classifier_file.h"
#include "tools/evaluate/inception_file.h"
#include "tools/progress.h"
#include "tools/sample_export.h"
#include "tools/score_table.h"
#include "tools/settings_flags.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

struct EvaluateFlags {
  ModelFlags model;
  ChainFlags chain;  // of the revised samples
  std::string metrics = "fd,kid,is,prdc,sure", features = "classifier", split = "train", n = "10000";
  std::string inception, data, export_folder, json;
};

MetricSet parse_metrics(const std::string& text, bool inception) {
  MetricSet set;
  struct Metric {
    std::string name;
    bool* wanted;
  };
  const std::vector<Metric> metrics{{"fd", &set.frechet},      {"kid", &set.kernel}, {"is", &set.inception},
                                    {"prdc", &set.neighbours}, {"psnr", &set.psnr},  {"ssim", &set.ssim},
                                    {"classes", &set.classes}, {"sure", &set.sure}};
  std::vector<std::string> names;
  for (const Metric& metric : metrics) names.push_back(metric.name);
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    EBM_CHECK(word != "fid" || inception, "--metrics", "\"fid\"",
              "fd, or --features inception: FID is the distance of that network's features, not a classifier's");
    if (word == "fid") word = "fd";
    const auto found =
        std::find_if(metrics.begin(), metrics.end(), [&](const Metric& metric) { return metric.name == word; });
    EBM_CHECK(found != metrics.end(), "--metrics", "\"" + word + "\"",
              "some of fd,kid,is,prdc,sure,classes,psnr,ssim" + suggestion(word, names));
    *found->wanted = true;
  }
  EBM_CHECK(set.features() || set.reconstructions(), "--metrics", "\"\"",
            "some of fd,kid,is,prdc,sure,classes,psnr,ssim");
  return set;
}

Split parse_split(const std::string& text) {
  EBM_CHECK(text == "train" || text == "test", "--split", "\"" + text + "\"", "train or test");
  return text == "train" ? Split::train : Split::test;
}

// The network that features come from.
struct Judge {
  std::unique_ptr<FeatureNetwork> network;
  std::optional<FeatureSource> source;
};

// Of the whole data set, whatever the run was shown: scores compare where the classifier is the same.
Judge classifier_judge(const EvaluateFlags& flags, const std::string& data, Device device) {
  const Dataset train = load_or_fetch(data, flags.data, Split::train, say);
  const Dataset test = load_or_fetch(data, flags.data, Split::test, say);
  TrainedClassifier trained = load_or_train_classifier(data_root(flags.data), train, test, device, say);
  return {std::make_unique<Classifier>(std::move(trained.network)),
          FeatureSource{fmt::format("classifier v{} {}", kClassifierVersion, trained.fingerprint),
                        fmt::format("{:.2f} % of the test images right", 100 * trained.test_accuracy), false}};
}

Judge inception_judge(const EvaluateFlags& flags, Device device) {
  InceptionFile file =
      load_inception(flags.inception.empty() ? inception_path(data_root(flags.data)) : flags.inception.c_str(), device);
  return {std::make_unique<Inception>(std::move(file.network)),
          FeatureSource{"inception " + file.fingerprint, "images resized to 299x299 as TensorFlow 1 does", true}};
}

void run_evaluate(const EvaluateFlags& flags) {
  EvaluationOptions options;
  const bool inception = flags.features == "inception";
  EBM_CHECK(inception || flags.features == "classifier", "--features", "\"" + flags.features + "\"",
            "classifier or inception" + suggestion(flags.features, {"classifier", "inception"}));
  options.metrics = parse_metrics(flags.metrics, inception);
  options.split = parse_split(flags.split);
  options.n = parse_count("n", flags.n, kFewestImages);
  options.seed = flags.chain.key_seed();
  const auto trainer = load_model(flags.model);
  const Settings& s = trainer->settings();
  options.num_steps = flags.chain.num_steps(*trainer);
  options.noise_scale = flags.chain.noise(*trainer);

  // Whatever may be wrong is looked at before the hours of work, not after them.
  const Dataset train = load_own(s, flags.data, Split::train, say), test = load_own(s, flags.data, Split::test, say);
  check_options(options, s, train, test);
  if (!flags.json.empty()) check_writable(flags.json);
  std::optional<SampleExport> samples;
  if (!flags.export_folder.empty()) samples.emplace(flags.export_folder, options.n, trainer->abilities().image);

  Judge judge;
  if (options.metrics.features())
    judge = inception ? inception_judge(flags, trainer->device()) : classifier_judge(flags, s.data, trainer->device());
  EvaluationObserver observer;
  observer.progress = [line = OccasionalLine()](const char* what, int64_t done, int64_t all) mutable {
    line(fmt::format("{} of {} {}", done, all, what));
  };
  if (samples) {
    observer.samples = [&](int64_t first, std::span<const uint8_t> generated, std::span<const uint8_t> revised) {
      samples->add(first, generated, revised);
    };
  }
  const Evaluation result = evaluate(*trainer, judge.network.get(), train, test, options, observer);
  const std::string& note = options.split == Split::train ? train.note : test.note;
  const ScoreContext context{s.recipe, s.method, trainer->iteration(), options, judge.source, note};
  // Shown before anything else is written: a full disk then costs no scores.
  say(fmt::format("{}\n{:.1f} s of sampling, {:.1f} s of features and scores", score_table(context, result),
                  result.model_seconds, result.score_seconds));
  if (!flags.json.empty()) {
    const std::string json = score_json(context, result);
    write_file_atomically(flags.json, std::as_bytes(std::span(json)));
  }
  if (samples) samples->commit();
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command = app.add_subcommand("evaluate", "scores of a trained model's samples");
  flags->model.add_to(*command);
  command
      ->add_option(
          "--metrics", flags->metrics,
          "fd or fid: Fréchet distance; kid: kernel distance; is: inception score; prdc: precision, recall, "
          "density, coverage; sure: share that the network is 90 % sure of; classes: how often each; psnr, ssim: of "
          "reconstructions g(mu(x)) [fd,kid,is,prdc,sure]")
      ->type_name("LIST");
  command->add_option("--n", flags->n, "samples, and images they are compared with [10000]")->type_name("N");
  command
      ->add_option("--features", flags->features,
                   "classifier: of a small network that is trained on the data set at first use and kept beside it; "
                   "inception: of the network behind FID, whose weights you supply [classifier]")
      ->type_name("classifier|inception");
  command
      ->add_option(
          "--inception", flags->inception,
          "its weights, from tools/scripts/inception_weights.py [inception-2015-12-05.safetensors with the data]")
      ->type_name("FILE");
  command->add_option("--split", flags->split, "images to compare with [train]")->type_name("train|test");
  flags->chain.add_steps_to(*command);
  flags->chain.add_noise_and_seed_to(*command);
  add_data_option(*command, flags->data);
  command->add_option("--export", flags->export_folder, "writes the scored samples there, as PNGs and .npy")
      ->type_name("DIR");
  command->add_option("--json", flags->json, "writes the scores beside their floors, and all they depend on")
      ->type_name("FILE");
  command->callback([flags] { run_evaluate(*flags); });
}

}  // namespace ebm
