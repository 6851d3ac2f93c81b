// How scores are shown: a table for people, JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/evaluate/evaluation.h"

namespace ebm {

// The network whose features are compared.
struct FeatureSource {
  std::string name;        // "classifier v1 d73067e524c6"
  std::string note;        // how good it is, or where it comes from
  bool inception = false;  // its distance is the FID; scores of other features have names of their own
};

// One figure of a set of images.
struct Score {
  std::string name;  // "FD-cls"; "-cls" is of the classifier's features, FID the name of Inception's distance alone
  double value;
  std::optional<double> plus_minus;
  std::string what;  // the sort of plus_minus and the parameters
};
std::vector<Score> list_scores(const FeatureScores& scores, bool inception);
std::string score_text(const Score& score);  // "3.1 ± 0.4"

// Everything that a score depends on.
struct ScoreContext {
  std::string recipe;  // also the data set
  std::string method;
  int64_t iteration = 0;  // of the checkpoint
  EvaluationOptions options;
  std::optional<FeatureSource> features;  // none where no score needs them
  std::string data_note;                  // of a data set that is not the published one
};

// What the scores depend on, then a line for each score: generator's samples, revised samples, real images.
std::string score_table(const ScoreContext& context, const Evaluation& evaluation);

// In the form of tools/evaluate/report.h: "Scores", a row for each score of each kind of images beside its floor, and
// once for all rows what they depend on.
std::string score_json(const ScoreContext& context, const Evaluation& evaluation);

}  // namespace ebm
