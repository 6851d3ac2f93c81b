// Convolutions computed the same way every time.
#pragma once

#include "kernels/conv/conv_plan.h"

namespace ebm::test {

// Fixed plans for one scope: two runs then agree bit for bit.
struct FixedPlans {
  FixedPlans() : timing(cpu::plan_timing()) {
    cpu::clear_plans();
    cuda::clear_plans();
    cpu::set_plan_timing(false);
  }
  ~FixedPlans() {
    cpu::set_plan_timing(timing);
    cpu::clear_plans();
    cuda::clear_plans();
  }
  const bool timing;
};

}  // namespace ebm::test
