#include "tools/evaluate/tilt_likelihood.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "tools/evaluate/averages.h"
#include "tools/evaluate/image_energies.h"

namespace ebm {
namespace {

// A number of each of images (n, H, W, C). Throws Error where one is not finite.
std::vector<double> values_of(const Abilities& model, std::span<const float> images, Device device,
                              const std::function<Tensor(const Tensor& x)>& value) {
  const std::vector<float> values = image_values(model.image, device, images, value);
  return {values.begin(), values.end()};
}

}  // namespace

LatentNormaliser latent_normaliser(const Abilities& model, const AnnealingPlan& plan, int64_t moves, Device device) {
  const auto size = static_cast<size_t>(model.latent);
  const DiagonalGaussian base({model.latent}, std::vector<double>(size, 0), std::vector<double>(size, 1), 0, device);
  const Potential u = model.potential();
  const AnnealingSchedule schedule = annealing_schedule(base, u, plan);
  const RandomKey key{plan.seed, Stream::sample, 0, 0};
  Tensor samples = model.start(plan.chains, key);  // (chains, d)
  model.revise(samples, key, {.steps = moves}, 0);
  LatentNormaliser z{anneal_forward(base, u, schedule, plan.chains, plan.seed, plan.progress),
                     anneal_reverse(base, u, schedule, samples, plan.seed, plan.progress), samples};
  for (AnnealingEstimate* e : {&z.forward, &z.reverse}) {
    e->combined -= base.log_z(), e->mean -= base.log_z();
    for (double& one : e->log_z) one -= base.log_z();
  }
  return z;
}

TiltLikelihood tilt_likelihood(const Abilities& model, std::span<const float> data, Device device,
                               const TiltPlan& plan) {
  TiltLikelihood l;
  const std::vector<double> f = values_of(model, data, device, model.tilt);
  l.f = mean(f), l.log_q = mean(values_of(model, data, device, model.log_base));
  l.f_error = standard_deviation(f) / std::sqrt(static_cast<double>(f.size()));

  const auto f_at = [&](const Tensor& z) { return values_of(model, model.generate(z).to_host(), device, model.tilt); };
  const std::vector<double> drawn = f_at(model.start(plan.draws, {plan.annealing.seed, Stream::sample, 1, 0}));
  l.importance = log_mean_exp(drawn);
  double sum = 0, squares = 0;
  for (const double f : drawn) {
    const double w = std::exp(f - l.importance);
    sum += w, squares += w * w;
  }
  l.importance_ess = sum * sum / squares;

  l.z = latent_normaliser(model, plan.annealing, plan.moves, device);
  l.f_samples = mean(f_at(l.z.samples));
  return l;
}

PlaneLikelihood plane_likelihood(const Abilities& model, double (*density)(double x, double y), double reach,
                                 int64_t edge, Device device) {
  const double step = 2 * reach / static_cast<double>(edge), area = step * step;
  const auto middle = [&](int64_t i) { return -reach + (static_cast<double>(i) + 0.5) * step; };
  PlaneLikelihood l;
  double tilted = 0, mass = 0, entropy = 0, log_q = 0, f_data = 0;
  for (int64_t row = 0; row < edge; ++row) {
    std::vector<float> points;
    for (int64_t column = 0; column < edge; ++column) {
      points.push_back(static_cast<float>(middle(column)));
      points.push_back(static_cast<float>(middle(row)));
    }
    const Tensor x = Tensor::from_host(points, {edge, 1, 1, 2}, device);
    const std::vector<float> f = model.tilt(x).to_host(), q = model.log_base(x).to_host();
    for (int64_t column = 0; column < edge; ++column) {
      const auto i = static_cast<size_t>(column);
      l.mass += std::exp(double{q[i]}) * area;
      tilted += std::exp(double{q[i]} + f[i]) * area;
      const double p = density(middle(column), middle(row));
      if (p <= 0) continue;
      mass += p * area;
      entropy -= p * std::log(p) * area;
      log_q += p * q[i] * area;
      f_data += p * f[i] * area;
    }
  }
  l.log_z = std::log(tilted);
  l.kl_q = (-entropy - log_q) / mass;
  l.kl_p = l.kl_q - f_data / mass + l.log_z;
  return l;
}

}  // namespace ebm
