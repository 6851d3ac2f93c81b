// A number that a kernel is given, by value or as a place in the device's memory that it reads when it starts:
// the second can change from one replay of a captured graph (core/graph.h) to the next.
#pragma once

#include "core/random.h"  // EBM_HD

namespace ebm {

struct Scalar {
  float value = 0;
  const float* at = nullptr;  // where not null, in the memory of the kernel's device

  Scalar() = default;
  Scalar(float value) : value(value) {}
  explicit Scalar(const float* at) : at(at) {}

  // Takes the number in; kernels call it once (kernels/map.h).
  EBM_HD void load() {
    if (at) value = *at;
  }
};

}  // namespace ebm
