#include "evaluate/likelihood.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace ebm {

Likelihood likelihood(const EnergyFunction& energy, std::span<const float> u, double temperature,
                      const DiagonalGaussian& base, const Tensor& reverse_start, const AnnealingPlan& plan) {
  check_energies(u);
  const EnergyFunction target = at_temperature(energy, temperature);
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

void dequantise(std::span<float> images, double bound, uint64_t seed) {
  for (size_t i = 0; i < images.size(); ++i) {
    images[i] += static_cast<float>(kGreyLevel) * (uniform1({seed, Stream::data_noise}, i) - 0.5f);
    if (bound > 0) images[i] = std::clamp(images[i], static_cast<float>(-bound), static_cast<float>(bound));
  }
}

}  // namespace ebm
