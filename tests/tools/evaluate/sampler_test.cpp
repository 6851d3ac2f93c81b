// Langevin, MALA and HMC on targets whose answer is known.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "kernels/chain/leapfrog.h"
#include "tests/fused_step.h"
#include "tests/random_tensor.h"
#include "tests/tools/evaluate/targets.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "tools/evaluate/convergence.h"
#include "train/chains/hmc.h"
#include "train/chains/langevin.h"
#include "train/chains/langevin_move.h"

using namespace ebm;
using namespace ebm::test;

namespace {

RandomKey at(uint32_t step) { return {3, Stream::langevin, 0, step}; }

// Five standard errors of a variance estimated from n independent draws, relative to it.
double variance_tolerance(double n) { return 5 * std::sqrt(2 / n); }

// x of the first coordinate over the last `keep` of `steps` moves.
ChainDraws record(const Potential& energy, ChainState& state, const HmcStep& step, uint32_t steps, uint32_t keep) {
  const int64_t chains = state.x.extent(0), row = state.x.size() / chains;
  ChainDraws draws{chains, keep, std::vector<double>(static_cast<size_t>(chains) * keep)};
  for (uint32_t t = 0; t < steps; ++t) {
    hmc_move(energy, state, step, at(t));
    if (t < steps - keep) continue;
    const std::vector<float> x = state.x.to_host();
    for (int64_t c = 0; c < chains; ++c) draws.values[c * keep + (t - (steps - keep))] = x[c * row];
  }
  return draws;
}

}  // namespace

TEST_CASE("Langevin steps on a Gaussian have the variance of the discretised chain, MALA that of the target") {
  // x ← (1 − δ²/2σ²) x + δξ is stationary at δ²/(1 − (1 − δ²/2σ²)²) = σ²/(1 − δ²/4σ²)
  const double sigma = 0.5, delta = 0.6;
  const Potential energy = gaussian(0.3f, 0.5f);
  const LangevinStep step{static_cast<float>(delta * delta / 2), static_cast<float>(delta), 0, 0};
  ChainState langevin = chain_state(energy, normal({2000, 5}, 1)), mala = chain_state(energy, normal({2000, 5}, 1));
  double acceptance = 0;
  for (uint32_t t = 0; t < 60; ++t) {
    langevin_move(energy, langevin, step, at(t));
    acceptance = hmc_move(energy, mala, mala_step(step), at(t));
  }
  const Moments l = moments(langevin.x.to_host()), m = moments(mala.x.to_host());
  CHECK(std::abs(l.mean - 0.3) < 5 * sigma / 100);
  CHECK(std::abs(m.mean - 0.3) < 5 * sigma / 100);
  CHECK(l.variance ==
        doctest::Approx(sigma * sigma / (1 - delta * delta / (4 * sigma * sigma))).epsilon(variance_tolerance(10000)));
  CHECK(m.variance == doctest::Approx(sigma * sigma).epsilon(variance_tolerance(10000)));
  CHECK(acceptance > 0.3);
  CHECK(acceptance < 0.95);
}

TEST_CASE("a step's temperature is noise²/(2·drift), and its chain has that variance") {
  const LangevinStep step{0.02f, 0.1f, 0, 0};  // T = 0.25; on U = x²/2 the variance is T as δ → 0
  CHECK(langevin_temperature(step) == doctest::Approx(0.25));
  CHECK(langevin_temperature({0.005f, 0.1f, 0, 0}) == doctest::Approx(1));
  const Potential energy = gaussian(0, 1);
  ChainState langevin = chain_state(energy, normal({10000, 1}, 1)), mala = chain_state(energy, normal({10000, 1}, 1));
  for (uint32_t t = 0; t < 200; ++t) {
    langevin_move(energy, langevin, step, at(t));
    hmc_move(energy, mala, mala_step(step), at(t));
  }
  const double exact = 0.01 / (1 - 0.98 * 0.98);
  CHECK(moments(langevin.x.to_host()).variance == doctest::Approx(exact).epsilon(variance_tolerance(10000)));
  CHECK(moments(mala.x.to_host()).variance == doctest::Approx(0.25).epsilon(variance_tolerance(10000)));
  CHECK(contains(error_of([] { langevin_temperature({1, 0, 0, 0}); }), "no temperature"));
  CHECK(contains(error_of([] { mala_step({0, 1, 0, 0}); }), "no temperature"));
}

TEST_CASE("one leapfrog step is accepted as Metropolis and Hastings accept its Gaussian proposal") {
  const Potential energy = mixture(1.0f);
  const ChainState from = chain_state(energy, normal({50, 1}, 8));
  const LangevinStep step{0.4f, 0.7f, 0, 0};
  HmcStep always = mala_step(step);
  always.adjusted = false;  // the proposals
  ChainState to{from.x.clone(), from.energy};
  const std::vector<float> acceptance = hmc_chain(energy, to, 1, always, at(0)).to_host();
  const auto x = from.x.to_host(), y = to.x.to_host();
  const auto gx = from.energy.gradient.to_host(), gy = to.energy.gradient.to_host();
  const auto ux = from.energy.u.to_host(), uy = to.energy.u.to_host();
  const double a = 0.4, s = 0.7, temperature = s * s / (2 * a);
  for (size_t i = 0; i < x.size(); ++i) {
    // log p(y)/p(x) + log q(x|y)/q(y|x), q(y|x) = N(y; x − a g(x), s²)
    const double forward = y[i] - x[i] + a * gx[i], back = x[i] - y[i] + a * gy[i];
    const double log_ratio = (ux[i] - uy[i]) / temperature + (forward * forward - back * back) / (2 * s * s);
    CHECK(acceptance[i] == doctest::Approx(std::min(1.0, std::exp(log_ratio))).epsilon(1e-4));
  }
}

TEST_CASE("leaps to draws of N(0, I) visit valleys between which trajectories do not go, as often as each weighs") {
  // exp(−U): two Gaussians of deviation 0.2 at ±2 of weights 1 and 3, all chains begin in the lighter one
  const Potential energy = potential([](const Var& x) {
    const auto squared_distance = [&](float mean) {
      return sum_rows(square(add(x, Var(full(x.shape(), -mean, x.value().device())))));  // (N)
    };
    const Var left = scale(squared_distance(-2), -12.5f), right = scale(squared_distance(2), -12.5f);
    // −log(e^left + 3·e^right) = −left − softplus(right + log 3 − left)
    const Var log_odds = add(sub(right, left), Var(full(left.shape(), std::log(3.0f), left.value().device())));
    return scale(add(left, softplus(log_odds)), -1);
  });
  HmcStep step{0.1, 5};
  const auto share_right = [&] {
    ChainState state = chain_state(energy, full({2000, 1}, -2, test_device()));
    hmc_chain(energy, state, 600, step, at(0));
    int64_t right = 0;
    for (const float x : state.x.to_host()) right += x > 0;
    return static_cast<double>(right) / 2000;
  };
  CHECK(share_right() == 0);
  step.independent_every = 2;
  CHECK(share_right() == doctest::Approx(0.75).epsilon(5 * std::sqrt(0.75 * 0.25 / 2000) / 0.75));
}

TEST_CASE("walls reflect: within them the samples are the Gaussian cut off there, and every path can be walked back") {
  const Potential energy = gaussian(0.5f, 1);
  HmcStep step{0.5, 2, 1, 0.8};
  ChainState state = chain_state(energy, Tensor::zeros({20000, 1}, test_device()));
  for (uint32_t t = 0; t < 40; ++t) hmc_move(energy, state, step, at(t));
  // reference by the trapezoid rule on [-0.8, 0.8]
  double mass = 0, first = 0, second = 0;
  for (int i = 0; i <= 1600; ++i) {
    const double x = -0.8 + 0.001 * i, p = std::exp(-0.5 * (x - 0.5) * (x - 0.5)) * (i % 1600 ? 1 : 0.5);
    mass += p, first += p * x, second += p * x * x;
  }
  const double mean = first / mass, variance = second / mass - mean * mean;
  const Moments m = moments(state.x.to_host());
  CHECK(std::abs(m.mean - mean) < 5 * std::sqrt(variance / 20000));
  CHECK(m.variance == doctest::Approx(variance).epsilon(variance_tolerance(20000)));

  Tensor x = normal({100, 3}, 2, 0, 0.3f), p = normal({100, 3}, 4, 0, 5);
  const std::vector<float> start = x.to_host();
  leapfrog_position(x, p, 1.0f, 1.0f);
  for (const float value : x.to_host()) CHECK(std::abs(value) <= 1.0f);
  scale_in_place(p, -1.0f);
  leapfrog_position(x, p, 1.0f, 1.0f);
  CHECK(relative_error(x.to_host(), start) < 1e-5);
}

TEST_CASE("MALA crosses between near modes, and R-hat tells when it does not cross between far ones") {
  for (const float m : {1.5f, 8.0f}) {
    const Potential energy = mixture(m);
    Tensor start = Tensor::zeros({64, 1}, test_device());
    std::vector<float> sides(64);
    for (size_t i = 0; i < 64; ++i) sides[i] = i % 2 ? m : -m;
    start.copy_from_host(sides);
    ChainState state = chain_state(energy, start);
    const ChainDraws draws = record(energy, state, {1.0, 1, 1, 0}, 1200, 1000);
    double mean = 0, squares = 0;
    for (const double x : draws.values) mean += x / 64000, squares += x * x / 64000;
    CHECK(squares == doctest::Approx(m * m + 1).epsilon(0.05));
    if (m < 2) {
      CHECK(rank_normalised_rhat(draws) < 1.02);
      CHECK(std::abs(mean) < 5 * std::sqrt(squares / bulk_effective_sample_size(draws)));
    } else {
      CHECK(split_rhat(draws) > 5);  // sqrt(1 + m²) nearly: between is m², within is 1
      CHECK(bulk_effective_sample_size(draws) < 0.01 * 64000);
    }
  }
}

TEST_CASE("HMC leaves Neal's funnel as it is, and MALA from its mouth has not seen it") {
  const int64_t n = 4000;
  const Potential energy = funnel();
  const std::vector<float> xi = normal({n, 3}, 6, 0, 1, kCpu).to_host();
  std::vector<float> exact(xi.size());
  for (int64_t i = 0; i < n; ++i) {
    exact[3 * i] = 3 * xi[3 * i];
    for (int j = 1; j < 3; ++j) exact[3 * i + j] = std::exp(0.5f * exact[3 * i]) * xi[3 * i + j];
  }
  ChainState state = chain_state(energy, Tensor::from_host(exact, {n, 3}, test_device()));
  double acceptance = 0;
  for (uint32_t t = 0; t < 30; ++t) acceptance += hmc_move(energy, state, {0.4, 5, 1, 0}, at(t)) / 30;
  CHECK(acceptance > 0.3);
  CHECK(acceptance < 0.98);  // the neck refuses such steps
  const std::vector<float> x = state.x.to_host();
  std::vector<float> v, other;
  int64_t moved = 0;
  for (int64_t i = 0; i < n; ++i) {
    v.push_back(x[3 * i]);
    other.push_back(x[3 * i + 1] * std::exp(-0.5f * x[3 * i]));
    moved += x[3 * i] != exact[3 * i];
  }
  CHECK(moved > n / 2);
  CHECK(std::abs(moments(v).mean) < 5 * 3 / std::sqrt(n));
  CHECK(moments(v).variance == doctest::Approx(9).epsilon(variance_tolerance(n)));
  CHECK(moments(other).variance == doctest::Approx(1).epsilon(variance_tolerance(n)));

  ChainState mouth = chain_state(energy, normal({32, 3}, 7, 3, 0.1f));
  CHECK(rank_normalised_rhat(record(energy, mouth, {0.4, 1, 1, 0}, 200, 200)) > 1.1);
}

TEST_CASE("the network's energy and gradient are the trainer's and the chain's") {
  const FusedStep steps = separate_then_fused_steps();
  const OneThread one;
  const FixedPlans plans;
  TeachingSettings settings = tiny_settings(1);
  settings.chain.sigma_ref = 0.5;
  Trainer trainer(settings, test_device());
  const Tensor x = normal({4, 28, 28, 1}, 9, 0, 0.5f);
  const Potential energy = trainer.potential();
  const PotentialValue value = energy(x);
  CHECK(relative_error(value.u.to_host(), trainer.energy(x).to_host()) < 1e-5);

  // two unadjusted steps move x as langevin_chain of training does
  const LangevinStep step = langevin_step_of(settings.chain);
  ChainState state = chain_state(energy, x);
  Tensor expected = x.clone();
  langevin_chain(*trainer.abilities().energy_net, expected, 2, step, {4, Stream::langevin});
  for (uint32_t t = 0; t < 2; ++t) langevin_move(energy, state, step, {4, Stream::langevin, 0, t});
  CHECK(relative_error(state.x.to_host(), expected.to_host()) < 1e-5);
}

TEST_CASE("an energy that is not finite is refused at the start and refuses a proposal on the way") {
  const Potential energy = gaussian(0, 1);
  Tensor x = Tensor::zeros({3, 1}, test_device());
  x.copy_from_host(std::vector<float>{0, NAN, 0});
  CHECK(contains(error_of([&] { chain_state(energy, x); }), "U = nan at image 1"));
  CHECK(contains(error_of([&] {
                   ChainState state = chain_state(energy, Tensor::zeros({1, 1}, test_device()));
                   for (uint32_t t = 0; t < 200; ++t) langevin_move(energy, state, {1e3f, 1, 0, 0}, at(t));
                 }),
                 "finite"));
  ChainState state = chain_state(energy, full({8, 1}, 1, test_device()));
  CHECK(hmc_move(energy, state, {1e25, 1, 1, 0}, at(0)) == 0);
  CHECK(state.x.to_host() == std::vector<float>(8, 1.0f));
  CHECK(contains(error_of([&] { hmc_move(energy, state, {0, 1, 1, 0}, at(0)); }), "above 0"));
}
