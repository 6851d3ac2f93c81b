#include "tools/evaluate/latent_likelihood.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "tools/evaluate/averages.h"

namespace ebm {
namespace {

DiagonalGaussian standard_normal(int64_t d, Device device) {
  const auto size = static_cast<size_t>(d);
  return {{d}, std::vector<double>(size, 0), std::vector<double>(size, 1), 0, device};
}

// Each of images (count, row) `times` times, one after the other.
Tensor repeated(std::span<const float> images, int64_t count, int64_t times, ImageShape shape, Device device) {
  const int64_t n = shape.elements();
  std::vector<float> rows;
  rows.reserve(static_cast<size_t>(count * times * n));
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < times; ++k) rows.insert(rows.end(), images.begin() + i * n, images.begin() + (i + 1) * n);
  return Tensor::from_host(rows, {count * times, shape.height, shape.width, shape.channels}, device);
}

// log mean exp of each `chains` weights that belong together; sign −1: of reverse weights.
std::vector<double> by_image(const std::vector<double>& log_z, int64_t chains, double sign) {
  std::vector<double> all;
  for (size_t first = 0; first < log_z.size(); first += static_cast<size_t>(chains))
    all.push_back(sign * log_mean_exp(std::span(log_z).subspan(first, static_cast<size_t>(chains)), sign));
  return all;
}

}  // namespace

LatentLikelihood latent_likelihood(const Abilities& model, std::span<const float> images, Device device,
                                   const LatentLikelihoodPlan& plan) {
  const ImageShape shape = model.image;
  const int64_t pixels = shape.elements(), count = static_cast<int64_t>(images.size()) / pixels;
  const DiagonalGaussian base = standard_normal(model.latent, device);
  LatentLikelihood result;
  if (plan.prior_energy) {
    AnnealingPlan prior = plan.annealing;
    prior.chains = plan.prior_chains;
    const Potential u = model.potential();
    const AnnealingSchedule schedule = annealing_schedule(base, u, prior);
    const RandomKey key{prior.seed, Stream::sample, 0, 0};
    Tensor start = model.start(prior.chains, key);  // (chains, d)
    model.revise(start, key, {.steps = plan.prior_steps}, 0);
    result.log_z_forward = anneal_forward(base, u, schedule, prior.chains, prior.seed).combined - base.log_z();
    result.log_z_reverse = anneal_reverse(base, u, schedule, start, prior.seed).combined - base.log_z();
  }

  const int64_t chains = plan.annealing.chains, together = std::max<int64_t>(plan.rows / chains, 1);
  std::vector<double> forward, reverse;  // log ∫ exp(−V(z|x)) dz of each image
  for (int64_t first = 0; first < count; first += together) {
    const int64_t n = std::min(together, count - first);
    const auto part = images.subspan(static_cast<size_t>(first * pixels), static_cast<size_t>(n * pixels));
    const Potential v = model.posterior(repeated(part, n, chains, shape, device));
    AnnealingPlan annealing = plan.annealing;
    annealing.chains = n * chains;
    annealing.seed += static_cast<uint64_t>(first);
    const AnnealingProgress& progress = plan.annealing.progress;
    annealing.progress = [&](const char* what, double share) {
      const std::string images_done = fmt::format("{} of images {} to {}", what, first + 1, first + n);
      if (progress) progress(images_done.c_str(), share);
    };
    const AnnealingSchedule schedule = annealing_schedule(base, v, annealing);
    const AnnealingEstimate up =
        anneal_forward(base, v, schedule, annealing.chains, annealing.seed, annealing.progress);
    const AnnealingEstimate down = anneal_reverse(base, v, schedule, up.x, annealing.seed, annealing.progress);
    const std::vector<double> low = by_image(up.log_z, chains, 1), high = by_image(down.log_z, chains, -1);
    forward.insert(forward.end(), low.begin(), low.end());
    reverse.insert(reverse.end(), high.begin(), high.end());
    result.acceptance += up.acceptance * static_cast<double>(n) / static_cast<double>(count);
  }
  const double noise =
      0.5 * static_cast<double>(pixels) * std::log(2 * std::numbers::pi * model.sigma * model.sigma) + base.log_z();
  result.lower = mean(forward) - result.log_z_reverse - noise;
  result.upper = mean(reverse) - result.log_z_forward - noise;
  if (forward.size() > 1)
    result.standard_error = standard_deviation(forward) / std::sqrt(static_cast<double>(forward.size()));
  return result;
}

}  // namespace ebm
