// Whether a Langevin chain should keep its maps in bf16 on the CPU: only timing can tell.
#pragma once

#include <cstdint>

#include "models/energy.h"

namespace ebm {

// How many times as fast ∂f/∂x of n images is with bf16 maps as with fp32 ones, on this processor with its present
// number of threads: the best of several runs each, in turn. Takes about 0.1 s.
double bf16_speedup(const NetworkConfig& energy, int64_t n);

}  // namespace ebm
