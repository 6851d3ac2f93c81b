// One scalar quantity along several Markov chains, as the diagnostics of this folder take it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ebm {

struct ChainDraws {
  int64_t chains = 0, steps = 0;
  std::vector<double> values;  // (chains, steps)

  std::span<const double> chain(int64_t c) const {
    return std::span(values).subspan(static_cast<size_t>(c * steps), static_cast<size_t>(steps));
  }
};

// Throws Error, naming `op`, unless there is at least one chain of at least `least_steps` finite values.
void check_draws(const char* op, const ChainDraws& draws, int64_t least_steps);

// Each chain's first and second half as chains of their own, (2·chains, steps/2); of an odd number of steps
// the middle one is left out. A chain that drifts is then as visible as chains that disagree.
ChainDraws split_chains(const ChainDraws& draws);

}  // namespace ebm
