// What a chain does between the generator's image and the last step.
#pragma once

#include <vector>

#include "train/trainer.h"

namespace ebm {

struct ChainTrace {
  std::vector<int64_t> shown;         // steps whose images are kept, ascending
  std::vector<std::vector<float>> x;  // (shown), each (n, H, W, C)
  std::vector<std::vector<float>> u;  // (num_steps + 1), each (n): U of the chains' states after every step
};

// So many of the steps 0 … num_steps, or all of them, evenly; both ends among them.
std::vector<int64_t> spread_steps(int64_t count, int64_t num_steps);

// The chains of Trainer::sample with the same arguments, watched; images are kept after the steps `shown`, ascending ones of
// 0 … num_steps. Throws Error where U is not finite.
ChainTrace trace_chains(Trainer& trainer, int64_t n, const RandomKey& key, int64_t num_steps, double noise_scale,
                        std::vector<int64_t> shown);

}  // namespace ebm
