// What this machine can do at best, measured: the ceilings that `ebm bench` holds its figures against.
#pragma once

#include "core/device.h"

namespace ebm {

struct Ceilings {
  double matrix = 0;  // FLOP/s of a large square matrix product in the present precision; on a GPU bf16's operands
                      // are stored as such, although ours are fp32 in memory: the ceiling is the tensor cores'
  double copy = 0;    // bytes/s of a large copy, those read and those written
};

Ceilings measure_ceilings(Device device);

// The larger of each: a disturbed ceiling must not flatter what is compared with it.
Ceilings larger(const Ceilings& a, const Ceilings& b);

}  // namespace ebm
