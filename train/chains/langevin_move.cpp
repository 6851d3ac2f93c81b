#include "train/chains/langevin_move.h"

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {

double langevin_temperature(const LangevinStep& step) {
  EBM_CHECK(step.drift > 0 && step.noise > 0, "temperature",
            fmt::format("a Langevin step of drift {} and noise {}", step.drift, step.noise),
            "both above 0: gradient descent has no temperature");
  return static_cast<double>(step.noise) * step.noise / (2.0 * step.drift);
}

void langevin_move(const Potential& energy, ChainState& state, const LangevinStep& step, const RandomKey& key,
                   int64_t first_chain) {
  langevin_step_on(state.x, state.energy.gradient, step, key,
                   static_cast<uint64_t>(first_chain) * (state.x.size() / state.x.extent(0)));
  state.energy = energy(state.x);
  check_energies(state.energy.u.to_host());
}

}  // namespace ebm
