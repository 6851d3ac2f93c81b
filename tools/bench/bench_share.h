// What one rank of many has to compute: `ebm bench --share`, the compute side of strong scaling.
#pragma once

#include <cstdint>

#include "core/device.h"
#include "train/methods/teaching_settings.h"

namespace ebm {

// A training iteration of the largest share that one of `ranks` ranks has.
struct ShareTime {
  int64_t ranks = 1;
  int64_t batch = 0, chains = 0;                                      // of that share
  double milliseconds = 0;                                            // an iteration: median
  double least = 0, most = 0;                                         // of those that were timed, ms
  double ancestral = 0, langevin = 0, vae = 0, energy = 0, adam = 0;  // its phases, ms: medians
  double kernels = 0;  // launches on the GPU in an iteration's graph; 0 on the CPU
};

// Settings whose batch and chains are the largest share that a rank of so many has. Throws Error for more ranks than rows.
TeachingSettings share_settings(const TeachingSettings& whole, int64_t ranks);

// One rank runs alone, so batch normalisation is over its share, and nothing is summed over ranks.
ShareTime measure_share(const TeachingSettings& whole, int64_t ranks, Device device);

}  // namespace ebm
