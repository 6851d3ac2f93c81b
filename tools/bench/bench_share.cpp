#include "tools/bench/bench_share.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "core/communicator.h"
#include "core/memory.h"
#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_clock.h"

namespace ebm {

TeachingSettings share_settings(const TeachingSettings& whole, int64_t ranks) {
  const int64_t most = std::min(whole.batch, whole.chains);
  EBM_CHECK(ranks <= most, "--share",
            fmt::format("{} ranks for a batch of {} and {} chains", ranks, whole.batch, whole.chains),
            fmt::format("at most {}", most));
  TeachingSettings share = whole;
  share.batch = share_of(whole.batch, 0, static_cast<int>(ranks)).count;  // the first has the largest
  share.chains = share_of(whole.chains, 0, static_cast<int>(ranks)).count;
  return share;
}

ShareTime measure_share(const TeachingSettings& whole, int64_t ranks, Device device) {
  const TeachingSettings share = share_settings(whole, ranks);
  const IterationTimes times = time_iterations(share, device);
  current_pool(device)->release_cached();  // the next share has other shapes
  const auto [least, most] = std::minmax_element(times.whole.begin(), times.whole.end());
  return {.ranks = ranks,
          .batch = share.batch,
          .chains = share.chains,
          .milliseconds = 1e3 * median(times.whole),
          .least = 1e3 * *least,
          .most = 1e3 * *most,
          .ancestral = 1e3 * median(times.ancestral),
          .langevin = 1e3 * median(times.langevin),
          .vae = 1e3 * median(times.vae),
          .energy = 1e3 * median(times.energy),
          .adam = 1e3 * median(times.adam),
          .kernels = times.kernels};
}

}  // namespace ebm
