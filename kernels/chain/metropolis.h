// The Metropolis decision of each chain, on the device: nothing waits for the host.
#pragma once

#include <cmath>

#include "core/random.h"
#include "core/tensor.h"

namespace ebm {

// H = U/T + ‖p‖²/2 of a chain.
EBM_HD double hamiltonian(float u, float p_squared, double temperature) { return u / temperature + 0.5 * p_squared; }

// min(1, exp(−ΔH)); a proposal whose energy is not finite is a trajectory that diverged: 0.
EBM_HD double acceptance(double before, double after) {
  if (!(fabs(after) < HUGE_VAL)) return 0;
  const double ratio = exp(before - after);
  return ratio < 1 ? ratio : 1;
}

// u and ‖p‖² (N) before and after a trajectory -> probability (N) that it is accepted, and accepted (N): 1 where a number
// drawn from (key, first_chain + i) is below it, else 0.
struct MetropolisDecision {
  Tensor probability, accepted;
};
MetropolisDecision metropolis(const Tensor& u_before, const Tensor& p_squared_before, const Tensor& u_after,
                              const Tensor& p_squared_after, double temperature, const RandomKey& key,
                              uint64_t first_chain = 0);

}  // namespace ebm
