#include "tools/judge.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/command_line.h"
#include "tools/data.h"
#include "tools/evaluate/classifier_file.h"
#include "tools/evaluate/inception_file.h"

namespace ebm {
namespace {

Judge inception_judge(const JudgeFlags& flags, Device device) {
  InceptionFile file =
      load_inception(flags.inception.empty() ? inception_path(data_root(flags.data)) : flags.inception.c_str(), device);
  return {std::make_unique<Inception>(std::move(file.network)),
          FeatureSource{"inception " + file.fingerprint, "images resized to 299x299 as TensorFlow 1 does", true}};
}

}  // namespace

void JudgeFlags::add_to(CLI::App& command) {
  command
      .add_option("--features", features,
                  "classifier: of a small network that is trained on the data set at first use and kept beside it; "
                  "inception: of the network behind FID, whose weights you supply [classifier]")
      ->type_name("classifier|inception");
  command
      .add_option(
          "--inception", inception,
          "its weights, from tools/scripts/inception_weights.py [inception-2015-12-05.safetensors with the data]")
      ->type_name("FILE");
  add_data_option(command, data);
}

bool JudgeFlags::by_inception() const {
  EBM_CHECK(features == "inception" || features == "classifier", "--features", "\"" + features + "\"",
            "classifier or inception" + suggestion(features, {"classifier", "inception"}));
  return features == "inception";
}

void need_labels(const Settings& settings, const std::string& flag, const std::string& instead) {
  EBM_CHECK(!settings.of_folder(), flag, "a folder of images, without the labels that a classifier is trained on",
            instead);
}

Judge classifier_judge(const std::string& dataset, const std::string& data_option, Device device,
                       const std::function<void(const std::string&)>& say) {
  const Dataset train = load_or_fetch(dataset, data_option, Split::train, say);
  const Dataset test = load_or_fetch(dataset, data_option, Split::test, say);
  TrainedClassifier trained = load_or_train_classifier(data_root(data_option), train, test, device, say);
  return {std::make_unique<Classifier>(std::move(trained.network)),
          FeatureSource{fmt::format("classifier v{} {}", kClassifierVersion, trained.fingerprint),
                        fmt::format("{:.2f} % of the test images right", 100 * trained.test_accuracy), false}};
}

Judge load_judge(const JudgeFlags& flags, const std::string& dataset, Device device,
                 const std::function<void(const std::string&)>& say) {
  return flags.by_inception() ? inception_judge(flags, device) : classifier_judge(dataset, flags.data, device, say);
}

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

}  // namespace ebm
