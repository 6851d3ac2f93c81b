// How scores are shown: a table for people, JSON for programs.
#pragma once

#include <string>

#include "evaluate/classifier_file.h"
#include "evaluate/evaluation.h"

namespace ebm {

// Everything that a score depends on.
struct ScoreContext {
  std::string recipe;     // also the data set
  int64_t iteration = 0;  // of the checkpoint
  EvaluationOptions options;
  const TrainedClassifier* classifier = nullptr;  // null where no score needs features
  std::string data_note;                          // of a data set that is not the published one
};

// What the scores depend on, then a line for each score: generator's samples, revised samples, real images.
std::string score_table(const ScoreContext& context, const Evaluation& evaluation);

// {"scores": [...]}: one entry for each score of each kind of images, with everything it depends on.
std::string score_json(const ScoreContext& context, const Evaluation& evaluation);

}  // namespace ebm
