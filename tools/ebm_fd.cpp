#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/device.h"
#include "core/words.h"
#include "tools/command.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "tools/evaluate/evaluation.h"
#include "tools/evaluate/pixels.h"
#include "tools/image_input.h"
#include "tools/judge.h"
#include "tools/progress.h"
#include "tools/settings_flags.h"
#include "train/data/dataset.h"

namespace ebm {
namespace {

struct FdFlags {
  JudgeFlags judge;
  std::string a, b, dataset, range, metrics = "fd,kid", device = "auto", threads, json;
};

FeatureStatistics statistics_of(const FeatureNetwork& network, const ImageInput& images, const MetricSet& metrics) {
  const auto elements = static_cast<size_t>(images.shape.elements());
  const auto n = static_cast<int64_t>(images.pixels.size() / elements);
  FeatureStatistics statistics(network, images.shape, metrics, n);
  statistics.add(to_levels(
      Tensor::from_host(images.pixels, {n, images.shape.height, images.shape.width, images.shape.channels}, kCpu),
      "image", 0));
  return statistics;
}

void fd(const FdFlags& flags) {
  apply_threads(flags.threads);
  const Device device = parse_device(flags.device);
  const bool inception = flags.judge.by_inception();
  const MetricSet metrics = parse_metrics(flags.metrics, inception);
  EBM_CHECK(!metrics.reconstructions(), "--metrics", "\"" + flags.metrics + "\"",
            "some of fd,kid,is,prdc,sure,classes: psnr and ssim are of a model's reconstructions");
  EBM_CHECK(inception || !flags.dataset.empty(), "--dataset", "none",
            either(dataset_names()) + ", whose classifier is to compare, or --features inception");
  if (!flags.dataset.empty()) check_dataset_name("--dataset", flags.dataset);
  if (!flags.json.empty()) check_writable(flags.json);
  // before a classifier is trained that could not take them
  const ImageShape wanted = flags.dataset.empty() ? ImageShape{} : dataset_record(flags.dataset).shape;
  const ImageInput a = load_image_input("a", flags.a, flags.judge.data, flags.range, wanted);
  const ImageInput b = load_image_input("b", flags.b, flags.judge.data, flags.range, a.shape);
  for (const auto& [name, images] : {std::pair("a", &a), {"b", &b}}) {
    const int64_t n = static_cast<int64_t>(images->pixels.size()) / images->shape.elements();
    EBM_CHECK(n >= kFewestImages, name, fmt::format("{} images", n), fmt::format("{} or more", kFewestImages));
  }
  const Judge judge = load_judge(flags.judge, flags.dataset, device, say);
  const FeatureStatistics of_a = statistics_of(*judge.network, a, metrics),
                          of_b = statistics_of(*judge.network, b, metrics);
  const FeatureReference reference(of_b, metrics);
  const std::vector<Score> scores = list_scores(reference.score(of_a), inception);
  fmt::print("{} images of {} against {} of {}\nfeatures: {}, {}\n\n", of_a.count(), flags.a, of_b.count(), flags.b,
             judge.source->name, judge.source->note);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Score& score : scores) {
    fmt::print("{:<17}{:<24}{}\n", score.name, score_text(score), score.what);
    nlohmann::ordered_json row{{"name", score.name}, {"value", score.value}};
    if (score.plus_minus) row["plus_minus"] = *score.plus_minus;
    row["n"] = of_a.count();
    row["note"] = score.what;
    rows.push_back(std::move(row));
  }
  if (!flags.json.empty())
    write_json(flags.json, {{"Distance", rows},
                            {"a", flags.a},
                            {"b", flags.b},
                            {"n_of_b", of_b.count()},
                            {"features", judge.source->name}});
}

}  // namespace

void add_fd_command(CLI::App& app) {
  auto flags = std::make_shared<FdFlags>();
  CLI::App* command = app.add_subcommand("fd", "how far apart two sets of images are, whatever made them");
  const char* what = "a folder of images, a .npy file or a data set (its test images)";
  command->add_option("a", flags->a, std::string("the samples: ") + what)->required()->type_name("FOLDER|FILE|DATASET");
  command->add_option("b", flags->b, std::string("what they are compared with: ") + what)
      ->required()
      ->type_name("FOLDER|FILE|DATASET");
  command->add_option("--dataset", flags->dataset, "whose classifier compares, with images of that size")
      ->type_name("NAME");
  command->add_option("--metrics", flags->metrics, "as of evaluate: fd or fid, kid, is, prdc, sure, classes [fd,kid]")
      ->type_name("LIST");
  flags->judge.add_to(*command);
  add_range_option(*command, flags->range);
  command->add_option("--device", flags->device, "auto: a GPU if there is one")->type_name("auto|cpu|cuda|cuda:N");
  command->add_option("--threads", flags->threads, "CPU threads [all cores]")->type_name("N");
  command->add_option("--json", flags->json, "the figures as JSON")->type_name("FILE");
  command->callback([flags] { fd(*flags); });
}

}  // namespace ebm
