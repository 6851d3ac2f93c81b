// How good samples are after chains of several lengths: does what the run's own chains reach last?
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/evaluate/feature_network.h"
#include "tools/evaluate/kid.h"
#include "train/data/dataset.h"
#include "train/trainer.h"

namespace ebm {

struct ChainQualityPlan {
  int64_t n = 128;               // chains, and real images that they are compared with
  std::vector<int64_t> lengths;  // Langevin steps, ascending, at least one
  double noise_scale = 1;
  uint64_t seed = 1;
};

struct ChainQuality {
  struct Score {
    double frechet = 0;  // biased upwards by a small n: compare it with the floor's, or use the kernel distance
    KernelDistance kernel;
  };
  ChainQualityPlan plan;
  std::vector<Score> at;  // after plan.lengths steps
  Score real;             // the floor: n other real images
};

// The samples are those of Trainer::sample with this seed. Throws Error unless n is at least kFewestImages and twice
// n no more than the images there are, and for NaN in a sample. `progress`: Langevin steps done.
ChainQuality chain_quality(Trainer& trainer, const FeatureNetwork& network, const Dataset& images,
                           const ChainQualityPlan& plan, const std::function<void(int64_t)>& progress = {});

// A line that says where the distance is least, and what it is at the run's own length and at the last. `run_length`: the
// steps of the run's own chains.
std::string in_words(const ChainQuality& quality, int64_t run_length);

}  // namespace ebm
