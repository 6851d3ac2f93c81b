#include "tools/evaluate/tilt_likelihood.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "autograd/ops.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "tests/random_tensor.h"
#include "tests/test_device.h"
#include "train/chains/hmc.h"

using namespace ebm;

namespace {

// q = N(0, I) in two dimensions, x = z, tilted by f(x) = x₁ + x₂ to N((1, 1), I): log Z = 1.
Abilities tilted_gaussian() {
  const auto f = [](const Var& x) { return sum_rows(reshape(x, {x.shape()[0], 2})); };  // (N)
  Abilities a;
  a.image = {1, 1, 2};
  a.latent = 2;
  a.chains_in_z = true;
  a.tilt = [=](const Tensor& x) { return f(Var(x)).value(); };
  a.log_base = [](const Tensor& x) {
    const Var squares = sum_rows(square(reshape(Var(x), {x.extent(0), 2})));
    const float constant = -std::log(2 * std::numbers::pi_v<float>);
    return add(scale(squares, -0.5f), Var(full({x.extent(0)}, constant, x.device()))).value();
  };
  a.generate = [](const Tensor& z) { return z.reshaped({z.extent(0), 1, 1, 2}); };
  a.potential = [=] { return potential([=](const Var& z) { return sub(scale(sum_rows(square(z)), 0.5f), f(z)); }); };
  a.start = [](int64_t n, const RandomKey& key) {
    Tensor z = Tensor::empty({n, 2}, test_device());
    fill_normal(z, key, 0, 1);
    return z;
  };
  a.revise = [u = a.potential()](Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first) {
    hmc_chain(u, z, options.steps, {0.4, 4}, {key.seed, Stream::langevin}, first);
  };
  return a;
}

}  // namespace

TEST_CASE("the tilt of a Gaussian by a linear f has a known Z, gain and distance, both ways and by q's draws") {
  const Abilities model = tilted_gaussian();
  const std::vector<float> data = normal({4000, 2}, 5, 1, 1, kCpu).to_host();  // of p itself
  TiltPlan plan;
  plan.annealing = {.chains = 200, .steps = 40, .leapfrog_steps = 4, .seed = 2};
  plan.draws = 4000;
  plan.moves = 30;
  const TiltLikelihood l = tilt_likelihood(model, data, test_device(), plan);
  CHECK(l.z.forward.combined == doctest::Approx(1).epsilon(0.1));
  CHECK(l.z.reverse.combined == doctest::Approx(1).epsilon(0.1));
  CHECK(l.importance == doctest::Approx(1).epsilon(0.2));
  // Σw² / (Σw)² = e^{‖a‖²}/n, ‖a‖² = 2
  CHECK(l.importance_ess == doctest::Approx(4000 * std::exp(-2.0)).epsilon(0.4));
  CHECK(l.f == doctest::Approx(2).epsilon(5 * std::sqrt(2.0 / 4000) / 2));
  CHECK(l.f_error == doctest::Approx(std::sqrt(2.0 / 4000)).epsilon(0.1));
  CHECK(l.gain_optimistic() == doctest::Approx(1).epsilon(0.2));  // KL(p‖q) = ‖a‖²/2
  CHECK(l.gain_pessimistic() == doctest::Approx(1).epsilon(0.2));
  CHECK(l.tilt() == doctest::Approx(1).epsilon(0.3));
}

TEST_CASE("on a grid of the plane a tilted Gaussian's Z and distances from a density are exact") {
  const auto density = [](double x, double y) {
    return std::exp(-0.5 * ((x - 1) * (x - 1) + (y - 1) * (y - 1))) / (2 * std::numbers::pi);
  };
  const PlaneLikelihood l = plane_likelihood(tilted_gaussian(), density, 8, 200, test_device());
  CHECK(l.mass == doctest::Approx(1).epsilon(1e-3));
  CHECK(l.log_z == doctest::Approx(1).epsilon(1e-3));
  CHECK(l.kl_q == doctest::Approx(1).epsilon(1e-3));
  CHECK(std::abs(l.kl_p) < 1e-3);
}
