#include "tools/evaluate/likelihood.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {

Likelihood likelihood(const Potential& energy, std::span<const float> u, double temperature,
                      const DiagonalGaussian& base, const Tensor& reverse_start, const AnnealingPlan& plan) {
  check_energies(u);
  const Potential target = at_temperature(energy, temperature);
  const AnnealingSchedule schedule = annealing_schedule(base, target, plan);
  Likelihood result;
  result.temperature = temperature;
  result.mean_u = std::accumulate(u.begin(), u.end(), 0.0) / (static_cast<double>(u.size()) * temperature);
  result.path_length = schedule.length;
  result.forward = anneal_forward(base, target, schedule, plan.chains, plan.seed, plan.progress);
  result.reverse = anneal_reverse(base, target, schedule, reverse_start, plan.seed, plan.progress);
  return result;
}

double bits_per_dimension(double nats, int64_t dimensions) {
  return -(nats / static_cast<double>(dimensions) + std::log(kGreyLevel)) / std::numbers::ln2;
}

double dequantise(std::span<float> images, double bound, uint64_t seed) {
  EBM_CHECK(bound == 0 || bound >= 1, "dequantise", fmt::format("walls at +-{:g}", bound),
            "walls at +-1 or further out");
  double log_shares = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    double low = images[i] - kGreyLevel / 2, high = images[i] + kGreyLevel / 2;
    if (bound > 0) low = std::max(low, -bound), high = std::min(high, bound);
    images[i] = static_cast<float>(low + (high - low) * uniform1({seed, Stream::data_noise}, i));
    log_shares += std::log((high - low) / kGreyLevel);
  }
  return log_shares;
}

}  // namespace ebm
