// Completions by a trained conditional model, beside fills that learn nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/evaluate/completion_scores.h"
#include "train/trainer.h"

namespace ebm {

// What a model makes of holes: as its generator begins, and after its chains. The two are the same for a method without.
struct Completions {
  std::vector<float> generated, revised;  // (N, H, W, C)
};
// z: 0, which is the model's prediction, or where `draw` is not 0 that draw of N(0, I), with noise in the chains. `images`
// (N, H, W, C) in [-1, 1], of which the model sees what is outside the holes (N, H, W). A pure function of all of these.
Completions complete(const Trainer& model, std::span<const float> images, std::span<const uint8_t> holes, int64_t steps,
                     uint64_t seed, int64_t draw);

struct CompletionEvaluation {
  struct Row {
    std::string name;           // "harmonic fill", "g(c, 0)", "revised"
    std::vector<float> images;  // (N, H, W, C), the hole as it was filled
    CompletionScores scores;
  };
  std::vector<Row> rows;
  std::vector<std::vector<float>> drawn;         // revised draws, each (N, H, W, C)
  std::optional<CompletionDiversity> diversity;  // of these; none of a model that is given no z
};
// draws: completions of each image whose diversity is scored, 2 or more. progress(what, done, all) tells how far it is.
CompletionEvaluation evaluate_completions(const Trainer& model, std::span<const float> images,
                                          std::span<const uint8_t> holes, int64_t steps, uint64_t seed, int64_t draws,
                                          const std::function<void(const char*, int64_t, int64_t)>& progress);

}  // namespace ebm
