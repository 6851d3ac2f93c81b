#include "train/chains/potential.h"

#include <cmath>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "core/check.h"
#include "core/precision.h"

namespace ebm {

Potential potential(std::function<Var(const Var&)> u) {
  return [u = std::move(u)](const Tensor& x) {
    Tape tape;
    const Var input(x);          // (N, …)
    const Var value = u(input);  // (N)
    return PotentialValue{value.value(), tape.gradient(sum(value), {input})[0]};
  };
}

Potential as_reported(Potential u) {
  return [u = std::move(u)](const Tensor& x) {
    const PrecisionScope mode(energy_precision());
    return u(x);
  };
}

void check_energies(std::span<const float> u) {
  for (size_t i = 0; i < u.size(); ++i)
    EBM_CHECK(std::isfinite(u[i]), "energy", fmt::format("U = {} at image {}", u[i], i), "finite energies");
}

ChainState chain_state(const Potential& energy, const Tensor& x) {
  ChainState state{x.clone(), energy(x)};
  check_energies(state.energy.u.to_host());
  return state;
}

void langevin_step_on(Tensor& x, const Tensor& gradient, const LangevinStep& step, const RandomKey& key,
                      uint64_t first_element) {
  LangevinStep whole = step;
  whole.inv_sigma_ref_sq = 0;  // the gradient holds the reference,
  whole.drift = -step.drift;   // and stands where the kernel expects that of f = −U
  langevin_step(x, gradient, whole, key, first_element);
}

}  // namespace ebm
