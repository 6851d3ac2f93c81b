#include "tools/evaluate/diagnosis.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/random_tensor.h"
#include "tests/tools/evaluate/targets.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("chains on a Gaussian mix, and the diagnosis says so") {
  DiagnosisPlan plan{600, 100, 3, 10, {0, 20, 600}, 1};
  const Tensor start = normal({16, 4}, 1, 3);
  const Diagnosis d = diagnose(gaussian(0, 1), start, LangevinStep{0.125f, 0.5f, 0, 0}, plan);
  CHECK(d.temperature == doctest::Approx(1));
  REQUIRE(d.series.size() == 4);
  // an AR(1) chain of coefficient 7/8 in every coordinate: τ of a projection is (1 + 7/8)/(1 − 7/8) = 15
  for (size_t i = 1; i < 4; ++i) {
    CHECK(d.series[i].rank_rhat < 1.05);
    CHECK(d.series[i].autocorrelation_time == doctest::Approx(15).epsilon(0.35));
    CHECK(d.series[i].bulk_ess == doctest::Approx(16 * 500 / 15.0).epsilon(0.4));
  }
  CHECK(d.u.size() == 601);
  CHECK(d.distance[0] == 0);
  CHECK(d.norm[0] == doctest::Approx(std::sqrt(4 * 10)).epsilon(0.1));  // mean 3, variance 1, four of them
  CHECK(d.energy.chain(5)[0] == doctest::Approx([&] {
          double squares = 0;
          for (const float v : start.view(20, {1, 4}).to_host()) squares += v * v;
          return squares / 2;
        }()));
  CHECK(d.snapshots.size() == 3);
  CHECK(d.snapshots[0].to_host() == start.to_host());
  REQUIRE(d.mala.size() == 1);  // ε = σ/2 in four dimensions: a leapfrog step hardly changes H
  CHECK(d.mala[0].rate > 0.9);
  const auto words = in_words(d, 20);
  CHECK((contains(words[0], "chains mix") || contains(words[0], "nearly mixed")));
  CHECK(contains(words[1], "small enough"));
  CHECK(contains(words[2], "levelled off"));
  CHECK(words.size() == 3);
}

TEST_CASE("chains in two far modes do not mix although each U is fine") {
  std::vector<float> sides(32);
  for (size_t i = 0; i < 32; ++i) sides[i] = i % 2 ? 8 : -8;
  const Diagnosis d = diagnose(mixture(8), Tensor::from_host(sides, {32, 1}, test_device()),
                               LangevinStep{0.125f, 0.5f, 0, 0}, {400, 100, 1, 5, {}, 1});
  CHECK(d.series[0].rank_rhat < 1.05);
  CHECK(d.series[1].rank_rhat > 1.5);
  CHECK(d.series[1].split_rhat > 5);
  CHECK(contains(in_words(d, 20)[0], "each stays in its own place"));
}

TEST_CASE("a step too large for MALA, a descent, and a clamp are named") {
  // drift 1 on curvature 1: each x is noise alone, of twice the variance of exp(−U/T), T = s²/2. In 50
  // dimensions log α is about −(50 − 25)/2
  const Diagnosis large =
      diagnose(gaussian(0, 1), normal({8, 50}, 1), LangevinStep{1, 1, 0, 0}, {60, 20, 1, 200, {}, 1});
  CHECK(large.mala.front().rate < 0.1);
  CHECK(large.mala.front().step_size == 1);
  CHECK(large.mala.back().rate >= Diagnosis::kGoodAcceptance);
  CHECK(large.mala.back().step_size < 1);
  CHECK(contains(in_words(large, 20)[1], "not exp(-U/T)"));

  const Diagnosis descent =
      diagnose(gaussian(0, 1), normal({8, 2}, 1), LangevinStep{0.1f, 0, 0, 0}, {60, 20, 1, 10, {}, 1});
  CHECK(descent.temperature == 0);
  CHECK(descent.mala.empty());
  CHECK(contains(in_words(descent, 20)[1], "no noise"));

  const Diagnosis held =
      diagnose(gaussian(9, 1), normal({8, 2}, 1), LangevinStep{0.5f, 0.1f, 0, 1.2f}, {60, 20, 1, 10, {}, 1});
  CHECK(held.on_clamp > 0.9);
  CHECK(contains(in_words(held, 20).back(), "clamp at +-1.2"));
}

TEST_CASE("moves of Hamiltonian Monte Carlo are diagnosed by what a draw costs, and what else is observed") {
  DiagnosisPlan plan{400, 100, 2, 10, {}, 1};
  plan.observed.push_back({{"x 0 squared", "nothing"}, [](const Tensor& x) {
                             std::vector<float> values;
                             const std::vector<float> all = x.to_host();
                             for (int64_t c = 0; c < x.extent(0); ++c) {
                               const float first = all[static_cast<size_t>(c * x.extent(1))];
                               values.insert(values.end(), {first * first, 0});
                             }
                             return values;
                           }});
  const Tensor start = normal({16, 4}, 1, 3);
  // ε·L = π/2: a trajectory ends where it knows nothing of its start
  const HmcStep step{std::acos(0.0) / 5, 5};
  const Diagnosis d = diagnose(gaussian(0, 1), start, step, plan);
  CHECK(d.gradients == 5);
  CHECK(d.accepted > 0.95);
  CHECK(d.accepted <= 1);
  CHECK(d.seconds > 0);
  CHECK(d.mala.empty());
  REQUIRE(d.series.size() == 5);
  CHECK(d.series[3].name == "x 0 squared");
  for (size_t i = 0; i < 4; ++i) {
    CHECK(d.series[i].rank_rhat < 1.02);
    CHECK(d.series[i].bulk_ess == doctest::Approx(16 * 300).epsilon(0.3));
  }
  CHECK(std::isnan(d.series[4].rank_rhat));
  CHECK(contains(in_words(d, 20)[1], "5 leapfrog steps"));

  // in D dimensions with L = 1 the acceptance is 2Φ(−ε³√D/8) (Beskos et al. 2013): 0.65 at ε³ = 8·0.454/√D
  const double tuned = tuned_step_size(gaussian(0, 1), normal({64, 400}, 2), {0.05, 1}, 0.65, 200, 3);
  CHECK(tuned == doctest::Approx(std::cbrt(8 * 0.454 / 20)).epsilon(0.1));
}

TEST_CASE("plans that leave nothing to judge and energies that are NaN are refused") {
  const Tensor start = normal({4, 2}, 1);
  CHECK(contains(error_of([&] {
                   diagnose(gaussian(0, 1), start, LangevinStep{0.1f, 0.1f, 0, 0}, {20, 13, 1, 4, {}, 1});
                 }),
                 "at least 8 steps after the warm-up"));
  CHECK(contains(error_of([&] {
                   diagnose(gaussian(NAN, 1), start, LangevinStep{0.1f, 0.1f, 0, 0}, {20, 4, 1, 4, {}, 1});
                 }),
                 "finite energies"));
}
