#include "train/chains/descent.h"

#include "kernels/chain/leapfrog.h"
#include "kernels/elementwise.h"

namespace ebm {

void descend(const Potential& u, Tensor& x, int64_t steps, double first_step) {
  constexpr float kLonger = 1.2f, kShorter = 0.5f;
  const int64_t n = x.extent(0);
  PotentialValue at = u(x);
  std::vector<float> energies = at.u.to_host();
  std::vector<float> step(static_cast<size_t>(n), static_cast<float>(first_step)), taken(static_cast<size_t>(n));
  const Tensor no_noise = Tensor::zeros({n}, x.device());
  for (int64_t t = 0; t < steps; ++t) {
    Tensor next = x.clone();
    langevin_step_rows(next, at.gradient, {Tensor::from_host(step, {n}, x.device()), no_noise}, {});
    const PotentialValue there = u(next);
    const std::vector<float> moved = there.u.to_host();
    for (size_t i = 0; i < step.size(); ++i) {
      const bool falls = moved[i] < energies[i];  // a NaN does not
      taken[i] = falls ? 1.0f : 0.0f;
      step[i] *= falls ? kLonger : kShorter;
      if (falls) energies[i] = moved[i];
    }
    const Tensor choose = Tensor::from_host(taken, {n}, x.device());
    Tensor gradient = at.gradient.clone();  // a potential may keep what it handed out
    replace_rows(x, next, choose);
    replace_rows(gradient, there.gradient, choose);
    at.gradient = gradient;
  }
}

}  // namespace ebm
