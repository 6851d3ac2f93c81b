#include "tools/evaluate/latent_likelihood.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "tools/evaluate/averages.h"
#include "tools/evaluate/tilt_likelihood.h"
#include "train/chains/descent.h"

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

// z = centre + scale·y, row by row: an integral over z is that over y times scale^d.
struct Substitution {
  Tensor centre, scale;              // (N, d), one scale for each row
  std::vector<double> log_jacobian;  // d·log scale, of each row

  Potential operator()(const Potential& v) const {
    return [v, *this](const Tensor& y) {
      const PotentialValue at = v(binary(Binary::add, centre, binary(Binary::mul, scale, y)));
      return PotentialValue{at.u, binary(Binary::mul, scale, at.gradient)};
    };
  }
};

// Rows of x (N, d) by their numbers: (chosen.size(), d)
Tensor chosen_rows(const Tensor& x, const std::vector<size_t>& chosen) {
  const std::vector<float> from = x.to_host();
  const auto d = static_cast<size_t>(x.extent(1));
  std::vector<float> to;
  for (const size_t row : chosen) {
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(row * d);
    to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(d));
  }
  return Tensor::from_host(to, {static_cast<int64_t>(chosen.size()), x.extent(1)}, x.device());
}

// The lowest z of each `chains` rows of one image, for each of them (N, d).
Tensor lowest(const Potential& v, int64_t rows, int64_t d, int64_t chains, Device device, uint64_t seed) {
  constexpr int64_t kTries = 100;
  constexpr double kFirstStep = 1e-3;
  Tensor z = Tensor::empty({rows, d}, device);
  fill_normal(z, {seed, Stream::latent, 0, 0}, 0.0f, 1.0f);
  for (int64_t row = 0; row < rows; row += chains) {
    Tensor at_zero = z.view(row * d, {1, d});
    fill(at_zero, 0);
  }
  descend(v, z, kTries, kFirstStep);
  const std::vector<float> u = v(z).u.to_host();
  std::vector<size_t> best;
  for (auto first = u.begin(); first != u.end(); first += chains)
    best.insert(best.end(), static_cast<size_t>(chains),
                static_cast<size_t>(std::min_element(first, first + chains) - u.begin()));
  return chosen_rows(z, best);
}

// Around z (N, d), where V is low. Each `chains` rows are of one image and get one scale, 1/√κ: κ is the curvature of V in
// the mean over all directions, seen in its gradient a little away from z, and never below that of N(0, I).
Substitution around(const Tensor& z, const Potential& v, int64_t chains, uint64_t seed) {
  constexpr float kAway = 0.05f;
  const int64_t d = z.extent(1);
  const auto together = static_cast<size_t>(chains * d);
  Tensor away = Tensor::empty(z.shape(), z.device()), at = z.clone();
  fill_normal(away, {seed, Stream::projection, 0, 0}, 0.0f, 1.0f);
  add_scaled(at, away, kAway);
  const std::vector<float> direction = away.to_host(), gradient = v(at).gradient.to_host();
  Substitution s{z, Tensor(), {}};
  std::vector<float> scale(direction.size());
  for (size_t first = 0; first < scale.size(); first += together) {
    double along = 0, squares = 0;
    for (size_t i = first; i < first + together; ++i) {
      along += double{direction[i]} * gradient[i];
      squares += double{direction[i]} * direction[i];
    }
    const double width = 1 / std::sqrt(std::max(1.0, along / (kAway * squares)));
    std::fill_n(scale.begin() + static_cast<std::ptrdiff_t>(first), together, static_cast<float>(width));
    s.log_jacobian.insert(s.log_jacobian.end(), static_cast<size_t>(chains), static_cast<double>(d) * std::log(width));
  }
  s.scale = Tensor::from_host(scale, z.shape(), z.device());
  return s;
}

// Of each `chains` rows as many, drawn by the weights exp(log_weight): nearer to draws of the target than the rows are.
Tensor drawn_by_weight(const Tensor& rows, const std::vector<double>& log_weight, int64_t chains, uint64_t seed) {
  const auto together = static_cast<size_t>(chains);
  std::vector<size_t> drawn;
  for (size_t first = 0; first < log_weight.size(); first += together) {
    const auto weights = std::span(log_weight).subspan(first, together);
    const double most = *std::max_element(weights.begin(), weights.end());
    double sum = 0;
    for (const double w : weights) sum += std::exp(w - most);
    for (size_t i = 0; i < together; ++i) {
      double left = sum * uniform1({seed, Stream::sample, 1, 0}, first + i);
      size_t chosen = 0;
      while (chosen + 1 < together && (left -= std::exp(weights[chosen] - most)) > 0) ++chosen;
      drawn.push_back(first + chosen);
    }
  }
  return chosen_rows(rows, drawn);
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
    prior.progress = {};
    const LatentNormaliser z = latent_normaliser(model, prior, plan.prior_steps, device);
    result.log_z_forward = z.forward.combined;
    result.log_z_reverse = z.reverse.combined;
  }

  const int64_t chains = plan.annealing.chains, together = std::max<int64_t>(plan.rows / chains, 1);
  std::vector<double> forward, reverse;  // log ∫ exp(−V(z|x)) dz of each image
  for (int64_t first = 0; first < count; first += together) {
    const int64_t n = std::min(together, count - first);
    const auto part = images.subspan(static_cast<size_t>(first * pixels), static_cast<size_t>(n * pixels));
    const Potential of_z = model.posterior(repeated(part, n, chains, shape, device));
    AnnealingPlan annealing = plan.annealing;
    annealing.chains = n * chains;
    annealing.together = chains;
    annealing.seed += static_cast<uint64_t>(first);
    const AnnealingProgress& progress = plan.annealing.progress;
    annealing.progress = [&](const char* what, double share) {
      const std::string images_done = fmt::format("{} of images {} to {}", what, first + 1, first + n);
      if (progress) progress(images_done.c_str(), share);
    };
    const Substitution substitution =
        around(lowest(of_z, n * chains, model.latent, chains, device, annealing.seed), of_z, chains, annealing.seed);
    const Potential v = substitution(of_z);
    const AnnealingSchedule schedule = annealing_schedule(base, v, annealing);
    AnnealingEstimate up = anneal_forward(base, v, schedule, annealing.chains, annealing.seed, annealing.progress);
    const Tensor ends = drawn_by_weight(up.x, up.log_z, chains, annealing.seed);
    AnnealingEstimate down = anneal_reverse(base, v, schedule, ends, annealing.seed, annealing.progress);
    for (size_t i = 0; i < up.log_z.size(); ++i) {
      up.log_z[i] += substitution.log_jacobian[i];
      down.log_z[i] += substitution.log_jacobian[i];
    }
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
