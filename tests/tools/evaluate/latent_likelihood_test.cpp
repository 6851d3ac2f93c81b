#include "tools/evaluate/latent_likelihood.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "autograd/ops.h"
#include "kernels/elementwise.h"
#include "tests/random_tensor.h"
#include "tools/evaluate/latent_picture.h"

namespace ebm {
namespace {

// g(z) = a·(z, 0 …), prior ∝ exp(−c z²/2)·N(0, 1): z ~ N(0, 1/(1 + c)), so that x_1 ~ N(0, a²/(1 + c) + σ²) and the
// other pixels N(0, σ²).
Abilities linear_model(double a, double c, double sigma) {
  Abilities model;
  model.image = {1, 2, 2};
  model.latent = 1;
  model.chains_in_z = true;
  model.sigma = sigma;
  const auto prior = [c](const Var& z) { return scale(sum_rows(square(z)), static_cast<float>(0.5 * (1 + c))); };
  model.potential = [prior] { return potential(prior); };
  model.posterior = [=](const Tensor& x) {
    const int64_t n = x.extent(0);
    return potential([=](const Var& z) {
      const Var first = scale(z, static_cast<float>(a)), others = scale(concat_channels(z, concat_channels(z, z)), 0);
      const Var image = reshape(concat_channels(first, others), {n, 1, 2, 2});
      return add(scale(sum_rows(square(sub(image, Var(x)))), static_cast<float>(0.5 / (sigma * sigma))), prior(z));
    });
  };
  model.start = [](int64_t n, const RandomKey&) { return normal({n, 1}, 3); };
  model.revise = [c](Tensor& z, const RandomKey&, const SampleOptions&, int64_t) {  // exact
    z = normal({z.extent(0), 1}, 4, 0, static_cast<float>(1 / std::sqrt(1 + c)));
  };
  return model;
}

}  // namespace

TEST_CASE("the log-likelihood of a linear model with a Gaussian prior is the closed form, from both sides") {
  if (test_device() != kCpu) return;  // a law of the algorithm, in tens of thousands of tiny launches
  const double a = 1.5, c = 0.7, sigma = 0.4;
  const std::vector<float> x{0.9f, 0.1f, -0.3f, 0.2f, -0.4f, 0.0f, 0.5f, -0.1f};  // two images
  double expected = 0;
  for (int i = 0; i < 2; ++i)
    for (int p = 0; p < 4; ++p) {
      const double variance = sigma * sigma + (p == 0 ? a * a / (1 + c) : 0);
      expected -= 0.25 * (x[4 * i + p] * x[4 * i + p] / variance + std::log(2 * std::numbers::pi * variance));
    }
  LatentLikelihoodPlan plan;
  plan.annealing = {.chains = 1024, .steps = 60, .leapfrog_steps = 3};
  const LatentLikelihood l = latent_likelihood(linear_model(a, c, sigma), x, test_device(), plan);
  CHECK(l.log_z_forward == doctest::Approx(-0.5 * std::log(1 + c)).epsilon(0.05));
  CHECK(l.log_z_reverse == doctest::Approx(-0.5 * std::log(1 + c)).epsilon(0.05));
  CHECK(l.lower == doctest::Approx(expected).epsilon(0.02));
  CHECK(l.upper == doctest::Approx(expected).epsilon(0.02));
  CHECK(l.standard_error > 0);
  plan.rows = 4096;  // both images at once
  CHECK(latent_likelihood(linear_model(a, c, sigma), x, test_device(), plan).lower ==
        doctest::Approx(expected).epsilon(0.02));
}

TEST_CASE("an image whose posterior has two valleys is integrated around the lower one, wherever z = 0 leads") {
  if (test_device() != kCpu) return;  // as above
  // V(z) = the lower of a shallow parabola at −1, where a descent from 0 ends, and a deep one at 2
  Abilities model = linear_model(1, 0, 0.5);
  constexpr float kDepth = 40, kCurvature = 100;
  model.posterior = [=](const Tensor&) {
    return Potential([=](const Tensor& z) {
      std::vector<float> u, gradient;
      for (const float v : z.to_host()) {
        const bool deep = v > 0.3f;
        const float away = deep ? v - 2 : v + 1;
        u.push_back(0.5f * kCurvature * away * away - (deep ? kDepth : 0));
        gradient.push_back(kCurvature * away);
      }
      return PotentialValue{Tensor::from_host(u, {z.extent(0)}, z.device()),
                            Tensor::from_host(gradient, z.shape(), z.device())};
    });
  };
  LatentLikelihoodPlan plan;
  plan.annealing = {.chains = 16, .steps = 20, .leapfrog_steps = 3};
  plan.prior_energy = false;
  const LatentLikelihood l = latent_likelihood(model, std::vector<float>(4), test_device(), plan);
  const double two_pi = 2 * std::numbers::pi;
  const double expected =
      kDepth + 0.5 * std::log(two_pi / kCurvature) - 2 * std::log(two_pi * 0.25) - 0.5 * std::log(two_pi);
  CHECK(l.lower == doctest::Approx(expected).epsilon(0.02));
  CHECK(l.upper == doctest::Approx(expected).epsilon(0.02));
}

TEST_CASE("the picture of a prior over two numbers is light where it is high, with dots at the samples") {
  const Potential u = potential([](const Var& z) { return scale(sum_rows(square(z)), 0.5f); });
  const Picture picture = with_dots(latent_plane(u, 4, test_device()),
                                    Tensor::from_host(std::vector<float>{2, 2, 9, 9}, {2, 2}, test_device()));
  const auto at = [&](double z1, double z2) {
    const auto place = [&](double z) {
      return static_cast<int64_t>((z / 4 + 1) / 2 * static_cast<double>(picture.shape.width));
    };
    return picture.pixels.data() + (place(-z2) * picture.shape.width + place(z1)) * 3;
  };
  CHECK(latent_range({Tensor::zeros({1, 2}, test_device())}) == 4);
  CHECK(latent_range({normal({3, 2}, 1), full({1, 2}, -10, test_device())}) == doctest::Approx(11));
  CHECK(at(0.01, 0.01)[1] > 250);
  CHECK(at(3.5, -3.5)[1] < 20);
  CHECK(std::abs(at(1, -1)[0] - at(-1, 1)[0]) < 6);
  CHECK(at(2, 2)[0] > 200);  // red
  CHECK(at(2, 2)[1] < 100);
}

}  // namespace ebm
