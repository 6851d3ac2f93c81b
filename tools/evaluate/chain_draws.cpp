#include "tools/evaluate/chain_draws.h"

#include <cmath>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {

void check_draws(const char* op, const ChainDraws& draws, int64_t least_steps) {
  EBM_CHECK(draws.chains >= 1 && draws.steps >= least_steps &&
                static_cast<int64_t>(draws.values.size()) == draws.chains * draws.steps,
            op, fmt::format("{} chains of {} steps, {} values", draws.chains, draws.steps, draws.values.size()),
            fmt::format("one chain or more of at least {} steps", least_steps));
  for (size_t i = 0; i < draws.values.size(); ++i)
    EBM_CHECK(std::isfinite(draws.values[i]), op,
              fmt::format("{} at step {} of chain {}", draws.values[i], i % draws.steps, i / draws.steps),
              "finite values");
}

ChainDraws split_chains(const ChainDraws& draws) {
  ChainDraws halves{2 * draws.chains, draws.steps / 2, {}};
  halves.values.reserve(static_cast<size_t>(halves.chains * halves.steps));
  for (int64_t c = 0; c < draws.chains; ++c) {
    const auto chain = draws.chain(c);
    for (const auto half : {chain.first(halves.steps), chain.last(halves.steps)})
      halves.values.insert(halves.values.end(), half.begin(), half.end());
  }
  return halves;
}

}  // namespace ebm
