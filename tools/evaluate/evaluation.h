// Scores of a trained model: what ./ebm evaluate computes.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/communicator.h"
#include "tools/evaluate/feature_scores.h"
#include "train/data/dataset.h"
#include "train/trainer.h"

namespace ebm {

struct EvaluationOptions {
  MetricSet metrics;
  int64_t n = 10000;           // samples, and reference images
  Split split = Split::train;  // of the reference images
  int64_t num_steps = 0;       // l, Langevin steps of the revised samples
  double noise_scale = 1;
  uint64_t seed = 1;  // of latent vectors and noise
};

struct ReconstructionScores {
  std::optional<double> psnr, ssim;  // means over the images x of the reference, against g(μ(x))
};

struct Evaluation {
  FeatureScores generated, revised;  // samples g(z), and the same after Langevin revision
  FeatureScores real;                // the floor: other real images in the samples' place
  int64_t real_images = 0;           // how many: n, or fewer where the data set ends
  int64_t real_other_split = 0;      // those of them that are not of the reference's split
  ReconstructionScores reconstruction;
  double model_seconds = 0, score_seconds = 0;  // sampling and reconstruction; features and scores
};

// Who takes part: the samples as scored, in parts, and the progress, as in "samples", 1000, 10000.
struct EvaluationObserver {
  std::function<void(int64_t first, std::span<const uint8_t> generated, std::span<const uint8_t> revised)> samples;
  std::function<void(const char* what, int64_t done, int64_t all)> progress;
};

// Throws Error when n is below kFewestImages or larger than the reference's split, or than the replay buffer of a
// model of persistent chains: its samples would repeat; and for reconstructions by an encoder that was not trained.
inline constexpr int64_t kFewestImages = 10;
void check_options(const EvaluationOptions& options, const Settings& model, const Dataset& train, const Dataset& test);

// Samples are clipped and rounded to 8-bit levels before anything is computed of them. The reference is the same
// for every model and seed: n images of the split, drawn once and for all. The network may be null when
// no metric needs features. Throws Error for NaN in a sample.
//
// ranks: that share the work, each calling this with its own copy of the model; rank 0 gets the scores, the same bits as by
// itself (on the CPU, with as many threads), and is the only one whose observer is asked. nullptr: this one alone.
Evaluation evaluate(Trainer& trainer, const FeatureNetwork* network, const Dataset& train, const Dataset& test,
                    const EvaluationOptions& options, const EvaluationObserver& observer,
                    Communicator* ranks = nullptr);

// The scores of a model's last samples alone, against reference images whose features are computed once: those that
// evaluate() finds for them. Keeps a reference to the network.
class SampleScores {
 public:
  // options: n, metrics (of features), seed. The reference: n images of `images`, as evaluate() draws them.
  SampleScores(const FeatureNetwork& network, const Dataset& images, const EvaluationOptions& options);
  SampleScores(SampleScores&&) = default;

  // Of samples drawn as the run's are (Abilities::usual).
  FeatureScores operator()(const Trainer& trainer) const;

 private:
  const FeatureNetwork& network_;
  EvaluationOptions options_;
  std::unique_ptr<const FeatureStatistics> images_;
  std::unique_ptr<const FeatureReference> reference_;  // refers to images_
};

}  // namespace ebm
