// What a chain does between the generator's image and the last step.
#pragma once

#include <vector>

#include "train/trainer.h"

namespace ebm {

struct ChainTrace {
  std::vector<int64_t> shown;         // steps whose images are kept: `columns` of 0 … num_steps, both ends among them
  std::vector<std::vector<float>> x;  // (shown), each (n, H, W, C)
  std::vector<std::vector<float>> u;  // (num_steps + 1), each (n): U of the chains' states after every step
};

// The chains of Trainer::sample with the same arguments, watched. Throws Error where U is not finite.
ChainTrace trace_chains(Trainer& trainer, int64_t n, const RandomKey& key, int64_t num_steps, double noise_scale,
                        int64_t columns);

}  // namespace ebm
