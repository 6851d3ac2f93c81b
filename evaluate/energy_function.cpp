#include "evaluate/energy_function.h"

#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "core/check.h"
#include "train/langevin.h"

namespace ebm {

void check_energies(std::span<const float> u) {
  for (size_t i = 0; i < u.size(); ++i)
    EBM_CHECK(std::isfinite(u[i]), "energy", fmt::format("U = {} at image {}", u[i], i), "finite energies");
}

ChainState chain_state(const EnergyFunction& energy, const Tensor& x) {
  ChainState state{x.clone(), energy(x)};
  check_energies(state.energy.u.to_host());
  return state;
}

EnergyFunction differentiable_energy(std::function<Var(const Var&)> u) {
  return [u = std::move(u)](const Tensor& x) {
    Tape tape;
    const Var input(x);          // (N, …)
    const Var value = u(input);  // (N)
    return EnergyValue{value.value(), tape.gradient(sum(value), {input})[0]};
  };
}

EnergyFunction network_energy(Trainer& trainer) {
  trainer.take_averages();
  const float reference = 0.5f * langevin_step_of(trainer.settings()).inv_sigma_ref_sq;
  const auto f = std::make_shared<const EnergyNet::Frozen>(trainer.energy_net());
  const EnergyFunction u = differentiable_energy([f, reference](const Var& x) {
    const Var minus_f = scale((*f)(x), -1.0f);  // (N)
    return reference > 0 ? add(minus_f, scale(sum_rows(square(x)), reference)) : minus_f;
  });
  return [u](const Tensor& x) {
    const PrecisionScope mode(energy_precision());
    return u(x);
  };
}

}  // namespace ebm
