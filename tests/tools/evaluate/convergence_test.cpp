#include "tools/evaluate/convergence.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "tests/train/fixtures.h"
#include "tools/evaluate/autocorrelation.h"
#include "tools/evaluate/normal_distribution.h"

using namespace ebm;
using test::contains;
using test::error_of;

namespace {

// x_{t+1} = ρ x_t + sqrt(1 − ρ²) ξ, from its stationary distribution N(0, 1), plus shift · chain.
ChainDraws autoregressive(int64_t chains, int64_t steps, double rho, double shift = 0) {
  ChainDraws draws{chains, steps, {}};
  for (int64_t c = 0; c < chains; ++c) {
    double x = 0;
    for (int64_t t = 0; t < steps; ++t) {
      const double xi = normal1({5, Stream::sample, static_cast<uint32_t>(c), 0}, static_cast<uint64_t>(t));
      x = t == 0 ? xi : rho * x + std::sqrt(1 - rho * rho) * xi;
      draws.values.push_back(x + shift * static_cast<double>(c));
    }
  }
  return draws;
}

}  // namespace

TEST_CASE("the normal quantile inverts the distribution function") {
  CHECK(std::abs(normal_quantile(0.5)) < 1e-15);
  CHECK(normal_cdf(1) == doctest::Approx(0.8413447460685429).epsilon(1e-14));
  for (const double z : {-8.0, -3.0, -0.1, 0.0, 1e-9, 0.5, 2.0, 5.0})
    CHECK(normal_quantile(normal_cdf(z)) == doctest::Approx(z).epsilon(1e-10).scale(1));
  CHECK(contains(error_of([] { normal_quantile(0); }), "probability"));
  CHECK(contains(error_of([] { normal_quantile(NAN); }), "probability"));
}

TEST_CASE("the autocovariance by FFT is the sum that defines it") {
  const ChainDraws draws = autoregressive(1, 13, 0.7);
  const auto x = draws.chain(0);
  double mean = 0;
  for (const double value : x) mean += value / 13;
  const std::vector<double> gamma = autocovariance(x);
  REQUIRE(gamma.size() == 13);
  for (size_t t = 0; t < 13; ++t) {
    double sum = 0;
    for (size_t i = 0; i + t < 13; ++i) sum += (x[i] - mean) * (x[i + t] - mean) / 13;
    CHECK(gamma[t] == doctest::Approx(sum).epsilon(1e-12).scale(1));
  }
}

TEST_CASE("a series worked out by hand") {
  // Halves (1 1 1 −1 −1 −1) twice, n = 6: γ = 1, 1/2, 0, −1/2, …; W = 6/5, B = 0, pooled = 5/6·6/5 = 1.
  // ρ(1) = 1 − (6/5 − 1/2) = 0.3, ρ(2) = −0.2, ρ(3) = −0.7: the pair (2, 3) ends the sum,
  // τ = −1 + 2·(1 + 0.3) = 1.6.
  const ChainDraws draws{1, 12, {1, 1, 1, -1, -1, -1, 1, 1, 1, -1, -1, -1}};
  CHECK(split_rhat(draws) == doctest::Approx(std::sqrt(1 / 1.2)).epsilon(1e-14));
  CHECK(effective_sample_size(draws) == doctest::Approx(12 / 1.6).epsilon(1e-14));
  CHECK(bulk_effective_sample_size(draws) == doctest::Approx(12 / 1.6).epsilon(1e-14));  // two ranks: a linear map

  // Halves (1 2 3 4) and (3 4 5 6): W = 5/3, means 2.5 and 4.5 of variance 2, pooled = 3/4·5/3 + 2 = 3.25.
  CHECK(split_rhat({1, 8, {1, 2, 3, 4, 3, 4, 5, 6}}) == doctest::Approx(std::sqrt(3.25 / (5.0 / 3))).epsilon(1e-14));
  // Of 9 steps the middle one is left out.
  CHECK(split_rhat({1, 9, {1, 2, 3, 4, 99, 3, 4, 5, 6}}) == split_rhat({1, 8, {1, 2, 3, 4, 3, 4, 5, 6}}));
}

TEST_CASE("Geyer's sum stops at the first negative pair, never rises, and keeps a positive even lag") {
  // pairs 1.5 and 0.7 count; (0.2, 0.6) is cut to 0.7; (0.1, −0.3) ends the sum, its 0.1 counts once
  const std::vector<double> rho{1, 0.5, 0.4, 0.3, 0.2, 0.6, 0.1, -0.3, 0.9, 0.9, 0, 0, 0, 0};
  CHECK(initial_monotone_sum(rho) == doctest::Approx(-1 + 2 * (1.5 + 0.7 + 0.7) + 0.1).epsilon(1e-14));
}

TEST_CASE("ranks with ties share their mean") {
  const ChainDraws z = rank_normalised({1, 4, {7, 3, 7, 10}});  // ranks 2.5, 1, 2.5, 4
  CHECK(z.values[0] == doctest::Approx(normal_quantile((2.5 - 0.375) / 4.25)).epsilon(1e-14));
  CHECK(z.values[1] == doctest::Approx(normal_quantile((1 - 0.375) / 4.25)).epsilon(1e-14));
  CHECK(z.values[2] == z.values[0]);
  CHECK(z.values[3] == doctest::Approx(-z.values[1]).epsilon(1e-14));
}

TEST_CASE("an autoregressive series has the autocorrelation time (1 + ρ)/(1 − ρ)") {
  for (const double rho : {0.0, 0.5, 0.9, -0.4}) {
    const ChainDraws draws = autoregressive(16, 8000, rho);
    const double tau = (1 + rho) / (1 - rho);
    CHECK(integrated_autocorrelation_time(draws) == doctest::Approx(tau).epsilon(0.08));
    CHECK(effective_sample_size(draws) == doctest::Approx(16 * 8000 / tau).epsilon(0.08));
    CHECK(bulk_effective_sample_size(draws) == doctest::Approx(16 * 8000 / tau).epsilon(0.08));
    CHECK(split_rhat(draws) < 1.01);
    CHECK(rank_normalised_rhat(draws) < 1.01);
    CHECK(autocorrelation(draws)[3] == doctest::Approx(rho * rho * rho).epsilon(0.05).scale(1));
  }
}

TEST_CASE("chains at different places, of different spread, and one that drifts are all noticed") {
  const ChainDraws apart = autoregressive(4, 500, 0, 5);  // means 0, 5, 10, 15: variance 125/3, W = 1
  CHECK(split_rhat(apart) == doctest::Approx(std::sqrt(1 + 8.0 / 7 * 125 / 4)).epsilon(0.05));  // of eight halves
  CHECK(effective_sample_size(apart) < 10);
  CHECK(integrated_autocorrelation_time(apart) < 1.5);  // within a chain nothing is wrong

  ChainDraws wide = autoregressive(4, 500, 0);
  for (size_t i = 0; i < 500; ++i) wide.values[i] *= 20;
  CHECK(split_rhat(wide) < 1.05);
  CHECK(rank_normalised_rhat(wide) > 1.2);

  ChainDraws drift = autoregressive(1, 500, 0);
  for (size_t i = 0; i < 500; ++i) drift.values[i] += 0.02 * static_cast<double>(i);
  CHECK(split_rhat(drift) > 1.5);

  ChainDraws heavy = autoregressive(4, 500, 0);  // Cauchy: no mean, but ranks
  for (double& value : heavy.values) value = std::tan(3.141592653589793 * (normal_cdf(value) - 0.5));
  CHECK(rank_normalised_rhat(heavy) < 1.02);
  CHECK(bulk_effective_sample_size(heavy) == doctest::Approx(2000).epsilon(0.2));
}

TEST_CASE("chains that stand still have no figure, or an infinite one where they disagree") {
  ChainDraws still{2, 8, std::vector<double>(16, 0.1)};
  CHECK(std::isnan(split_rhat(still)));
  CHECK(std::isnan(rank_normalised_rhat(still)));
  CHECK(std::isnan(effective_sample_size(still)));
  CHECK(std::isnan(integrated_autocorrelation_time(still)));
  std::fill(still.values.begin() + 8, still.values.end(), 0.7);
  CHECK(std::isinf(split_rhat(still)));
  CHECK(std::isinf(rank_normalised_rhat(still)));
}

TEST_CASE("values that are not finite and chains that are too short are refused") {
  ChainDraws draws{2, 8, std::vector<double>(16, 0.0)};
  draws.values[11] = NAN;
  CHECK(contains(error_of([&] { split_rhat(draws); }), "nan at step 3 of chain 1"));
  CHECK(contains(error_of([&] { integrated_autocorrelation_time(draws); }), "step 3"));
  CHECK(contains(error_of([] { effective_sample_size({1, 7, std::vector<double>(7)}); }), "at least 8"));
  CHECK(contains(error_of([] { split_rhat({0, 8, {}}); }), "one chain or more"));
  CHECK(contains(error_of([] { split_rhat({2, 8, std::vector<double>(15)}); }), "15 values"));
}
