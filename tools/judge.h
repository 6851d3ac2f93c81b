// The network that images are compared by, as commands choose it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <CLI/App.hpp>

#include "tools/evaluate/feature_scores.h"
#include "tools/score_table.h"

namespace ebm {

// --features, --inception and --data.
struct JudgeFlags {
  std::string features = "classifier", inception, data;

  void add_to(CLI::App& command);
  // Throws Error for a word that is neither network.
  bool by_inception() const;
};

struct Judge {
  std::unique_ptr<FeatureNetwork> network;
  std::optional<FeatureSource> source;
};

// Throws Error for a run on a folder of images: they have no labels, which the data set's classifier learns from. `flag`:
// what asked for it; `instead`: what the user can have.
void need_labels(const Settings& settings, const std::string& flag, const std::string& instead);
// The classifier of a data set: of all its images, whatever a run was shown, since scores compare where the classifier is
// the same. Trained at first use, and the data fetched; `say` tells of both.
Judge classifier_judge(const std::string& dataset, const std::string& data_option, Device device,
                       const std::function<void(const std::string&)>& say);
// That, or Inception, as the flags say. Throws Error where Inception's weights are not there.
Judge load_judge(const JudgeFlags& flags, const std::string& dataset, Device device,
                 const std::function<void(const std::string&)>& say);

// "fd,kid": which scores are wanted. "fid" means fd by Inception. Throws Error for other words, and for none.
MetricSet parse_metrics(const std::string& text, bool inception);

}  // namespace ebm
