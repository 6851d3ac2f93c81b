// Chains whose steps are fused with the first layer (kernels/chain/langevin_conv.h), or not, whatever the device
// prefers.
#pragma once

#include <doctest/doctest.h>

#include "kernels/chain/langevin_conv.h"

namespace ebm::test {

// For one scope.
struct FusedStep {
  explicit FusedStep(bool fused) { force_langevin_step_conv(fused); }
  ~FusedStep() { force_langevin_step_conv(std::nullopt); }
  FusedStep(const FusedStep&) = delete;
  FusedStep& operator=(const FusedStep&) = delete;
};

// What follows it in a test case is run twice, with separate steps and with fused ones.
inline FusedStep separate_then_fused_steps() {
  bool fused = false;
  SUBCASE("separate steps") {}
  SUBCASE("fused steps") { fused = true; }
  return FusedStep(fused);
}

}  // namespace ebm::test
