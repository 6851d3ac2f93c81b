#include "tools/evaluate/tilt_likelihood.h"

#include <algorithm>
#include <cmath>

#include "tools/evaluate/averages.h"

namespace ebm {
namespace {

constexpr int64_t kAtOnce = 100;  // images

struct OfImages {
  std::vector<double> f, log_q;
};

// f and, where asked for, log q of images (n, H, W, C).
OfImages both(const Abilities& model, std::span<const float> images, Device device, bool with_q) {
  const ImageShape shape = model.image;
  const int64_t count = static_cast<int64_t>(images.size()) / shape.elements();
  OfImages of;
  for (int64_t first = 0; first < count; first += kAtOnce) {
    const int64_t n = std::min(kAtOnce, count - first);
    const auto part =
        images.subspan(static_cast<size_t>(first * shape.elements()), static_cast<size_t>(n * shape.elements()));
    const Tensor x = Tensor::from_host(part, {n, shape.height, shape.width, shape.channels}, device);
    const auto append = [](std::vector<double>& to, const std::vector<float>& values) {
      check_energies(values);
      to.insert(to.end(), values.begin(), values.end());
    };
    append(of.f, model.tilt(x).to_host());
    if (with_q) append(of.log_q, model.log_base(x).to_host());
  }
  return of;
}

}  // namespace

LatentNormaliser latent_normaliser(const Abilities& model, const AnnealingPlan& plan, int64_t moves, Device device) {
  const auto size = static_cast<size_t>(model.latent);
  const DiagonalGaussian base({model.latent}, std::vector<double>(size, 0), std::vector<double>(size, 1), 0, device);
  const Potential u = model.potential();
  const AnnealingSchedule schedule = annealing_schedule(base, u, plan);
  const RandomKey key{plan.seed, Stream::sample, 0, 0};
  Tensor start = model.start(plan.chains, key);  // (chains, d)
  model.revise(start, key, {.steps = moves}, 0);
  LatentNormaliser z{anneal_forward(base, u, schedule, plan.chains, plan.seed, plan.progress),
                     anneal_reverse(base, u, schedule, start, plan.seed, plan.progress)};
  for (AnnealingEstimate* e : {&z.forward, &z.reverse}) {
    e->combined -= base.log_z(), e->mean -= base.log_z();
    for (double& one : e->log_z) one -= base.log_z();
  }
  return z;
}

TiltLikelihood tilt_likelihood(const Abilities& model, std::span<const float> data, Device device,
                               const TiltPlan& plan) {
  TiltLikelihood l;
  const OfImages of = both(model, data, device, true);
  l.f = mean(of.f), l.log_q = mean(of.log_q);
  l.f_error = standard_deviation(of.f) / std::sqrt(static_cast<double>(of.f.size()));

  const RandomKey key{plan.annealing.seed, Stream::sample, 1, 0};
  const std::vector<double> drawn =
      both(model, model.generate(model.start(plan.draws, key)).to_host(), device, false).f;
  l.importance = log_mean_exp(drawn);
  double sum = 0, squares = 0;
  for (const double f : drawn) {
    const double w = std::exp(f - l.importance);
    sum += w, squares += w * w;
  }
  l.importance_ess = sum * sum / squares;

  Tensor samples = model.start(plan.annealing.chains, {plan.annealing.seed, Stream::sample, 0, 0});
  model.revise(samples, {plan.annealing.seed, Stream::sample, 0, 0}, {.steps = plan.moves}, 0);
  l.f_samples = mean(both(model, model.generate(samples).to_host(), device, false).f);
  l.z = latent_normaliser(model, plan.annealing, plan.moves, device);
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
