#include "tools/evaluate/chain_trace.h"

#include <algorithm>

#include "train/chains/potential.h"

namespace ebm {

std::vector<int64_t> spread_steps(int64_t count, int64_t num_steps) {
  std::vector<int64_t> steps;
  const int64_t kept = std::min(count, num_steps + 1);
  for (int64_t i = 0; i < kept; ++i) steps.push_back(kept == 1 ? num_steps : i * num_steps / (kept - 1));
  return steps;
}

ChainTrace trace_chains(Trainer& trainer, int64_t n, const RandomKey& key, int64_t num_steps, double noise_scale,
                        std::vector<int64_t> shown) {
  ChainTrace trace;
  trace.shown = std::move(shown);
  const Abilities& model = trainer.abilities();
  Tensor state = model.start(n, key);  // (n, …)
  const Potential u = trainer.potential();
  for (int64_t t = 0; t <= num_steps; ++t) {
    if (t > 0) trainer.revise(state, key, 1, noise_scale, t - 1);
    trace.u.push_back(u(state).u.to_host());
    check_energies(trace.u.back());
    if (std::binary_search(trace.shown.begin(), trace.shown.end(), t)) trace.x.push_back(model.shown(state).to_host());
  }
  return trace;
}

}  // namespace ebm
