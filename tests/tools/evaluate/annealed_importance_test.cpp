#include "tools/evaluate/annealed_importance.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "tests/random_tensor.h"
#include "tests/tools/evaluate/targets.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

const double kLogRoot2Pi = 0.5 * std::log(2 * std::numbers::pi);

// An energy on the square [-1, 1]² with two unequal wells.
//   U = 10 (x² − 0.4)² + 2 (y − x²)² + log(1 + exp(2x))
Potential wells() {
  return potential([](const Var& p) {
    const int64_t n = p.shape()[0];
    const Var x = reshape(slice_channels(p, 0, 1), {n}), y = reshape(slice_channels(p, 1, 1), {n});
    const Var x2 = square(x);
    return add(add(scale(square(minus(x2, 0.4f)), 10), scale(square(sub(y, x2)), 2)), softplus(scale(x, 2)));
  });
}

constexpr int kCells = 400;  // of the grid that wells() is summed on, in each direction
double cell(int i) { return -1 + (i + 0.5) * 2 / kCells; }
double wells(double x, double y) {
  const double a = x * x - 0.4, b = y - x * x;
  return 10 * a * a + 2 * b * b + std::log1p(std::exp(2 * x));
}

// The cumulative probabilities of the cells times Z; the last is Z.
std::vector<double> wells_grid() {
  std::vector<double> sums;
  double sum = 0;
  for (int i = 0; i < kCells; ++i)
    for (int j = 0; j < kCells; ++j) sums.push_back(sum += std::exp(-wells(cell(i), cell(j))) * 4 / (kCells * kCells));
  return sums;
}

}  // namespace

TEST_CASE("a diagonal Gaussian, whole, cut off and uniform: mass, samples and density") {
  const DiagonalGaussian whole({3}, {1, 0, -1}, {0.5, 1, 2}, 0, test_device());
  CHECK(whole.log_z() == doctest::Approx(3 * kLogRoot2Pi + std::log(0.5 * 1 * 2)).epsilon(1e-12));
  CHECK(whole.log_density(std::vector<float>{1.5f, 1, 1}) ==
        doctest::Approx(-0.5 - 0.5 - 0.5 - whole.log_z()).epsilon(1e-6));
  const DiagonalGaussian cut({2}, {0.5, 0.25}, {0.7, INFINITY}, 1, test_device());
  double mass = 0, first = 0;
  for (int i = 0; i < 20000; ++i) {  // midpoint rule
    const double x = -1 + (i + 0.5) * 1e-4, p = std::exp(-0.5 * (x - 0.5) * (x - 0.5) / 0.49) * 1e-4;
    mass += p, first += p * x;
  }
  CHECK(cut.log_z() == doctest::Approx(std::log(mass) + std::log(2)).epsilon(1e-7));
  const std::vector<float> x = cut.sample(20000, {1, Stream::sample}).to_host();
  std::vector<float> a, b;
  for (size_t i = 0; i < x.size(); i += 2) a.push_back(x[i]), b.push_back(x[i + 1]);
  CHECK(std::abs(moments(a).mean - first / mass) < 5 * 0.5 / std::sqrt(20000));
  CHECK(std::abs(moments(b).mean) < 5 * std::sqrt(1 / 3.0 / 20000));
  CHECK(moments(b).variance == doctest::Approx(1 / 3.0).epsilon(0.05));
  const PotentialValue value = cut.energy()(Tensor::from_host(std::vector<float>{1, 0.9f}, {1, 2}, test_device()));
  CHECK(value.u.item() == doctest::Approx(0.125 / 0.49));
  CHECK(value.gradient.to_host()[0] == doctest::Approx(0.5 / 0.49));
  CHECK(value.gradient.to_host()[1] == 0);

  const DiagonalGaussian fitted =
      fit_gaussian(std::vector<float>{0, 1, 2, 1}, {2}, 0.1, 0, test_device());  // means 1, 1; sd 1, 0
  CHECK(fitted.log_z() == doctest::Approx(2 * kLogRoot2Pi + std::log(0.1)).epsilon(1e-12));
  CHECK(contains(error_of([] { DiagonalGaussian({1}, {0}, {INFINITY}, 0, kCpu); }), "without walls"));
  CHECK(contains(error_of([] { DiagonalGaussian({1}, {0}, {0}, 1, kCpu); }), "integrates to 1"));
  CHECK(contains(error_of([] { DiagonalGaussian({2}, {0}, {1}, 1, kCpu); }), "2 of each"));
}

TEST_CASE("annealing gives a Gaussian's log Z, and its bounds lie on the two sides of it") {
  const int64_t d = 10;
  const double exact = d * (kLogRoot2Pi + std::log(0.5));
  const DiagonalGaussian base({d}, std::vector<double>(d, 0), std::vector<double>(d, 1.5), 0, test_device());
  const Potential target = gaussian(1, 0.5f);
  for (const int64_t leapfrog_steps : {1, 4}) {
    const AnnealingSchedule schedule = annealing_schedule(base, target, {100, 500, leapfrog_steps, 1});
    CHECK(schedule.beta.size() == 501);
    CHECK(schedule.beta.front() == 0);
    CHECK(schedule.beta.back() == 1);
    const AnnealingEstimate up = anneal_forward(base, target, schedule, 100, 1);
    const AnnealingEstimate down = anneal_reverse(base, target, schedule, normal({100, d}, 5, 1, 0.5f), 1);
    CHECK(std::abs(up.combined - exact) < 5 * up.standard_error);
    CHECK(std::abs(down.combined - exact) < 5 * down.standard_error);
    CHECK(up.standard_error < 0.2);
    CHECK(down.standard_error < 0.2);
    CHECK(up.mean < exact + 3 * up.standard_error);
    CHECK(down.mean > exact - 3 * down.standard_error);
    CHECK(down.mean - up.mean < 3);
    CHECK(up.acceptance > 0.4);
    CHECK(moments(up.x.to_host()).variance == doctest::Approx(0.25).epsilon(0.2));
    // and the reverse chains end in the base
    CHECK(moments(down.x.to_host()).variance == doctest::Approx(2.25).epsilon(0.2));
  }
}

TEST_CASE("the fewer the steps the wider the bounds stand apart, never on the wrong side") {
  const int64_t d = 20;
  const double exact = d * (kLogRoot2Pi + std::log(0.3));
  const DiagonalGaussian base({d}, std::vector<double>(d, 0), std::vector<double>(d, 1), 0, test_device());
  const Potential target = gaussian(0.5f, 0.3f);
  double gap = INFINITY;
  for (const int64_t steps : {2, 10, 50}) {
    const AnnealingSchedule schedule = annealing_schedule(base, target, {100, steps, 3, 2});
    const AnnealingEstimate up = anneal_forward(base, target, schedule, 200, 2);
    const AnnealingEstimate down = anneal_reverse(base, target, schedule, normal({200, d}, 6, 0.5f, 0.3f), 2);
    CHECK(up.mean < exact);
    CHECK(down.mean > exact);
    CHECK(down.mean - up.mean < gap);
    gap = down.mean - up.mean;
  }
}

TEST_CASE("annealing gives the integral of an energy on a square, as a grid sums it") {
  const std::vector<double> sums = wells_grid();
  const double exact = std::log(sums.back());
  const DiagonalGaussian base({2}, {0, 0}, {INFINITY, INFINITY}, 1, test_device());
  const AnnealingSchedule schedule = annealing_schedule(base, wells(), {64, 30, 3, 1});
  const AnnealingEstimate up = anneal_forward(base, wells(), schedule, 2000, 1);
  CHECK(std::abs(up.combined - exact) < 0.03);
  CHECK(up.mean < exact);
  std::vector<float> draws;  // exact, up to the size of a cell
  for (uint64_t i = 0; i < 2000; ++i) {
    const double u = uniform1({4, Stream::sample}, i) * sums.back();
    const auto place = std::lower_bound(sums.begin(), sums.end(), u) - sums.begin();
    draws.push_back(static_cast<float>(cell(static_cast<int>(place) / kCells)));
    draws.push_back(static_cast<float>(cell(static_cast<int>(place) % kCells)));
  }
  const AnnealingEstimate down =
      anneal_reverse(base, wells(), schedule, Tensor::from_host(draws, {2000, 2}, test_device()), 1);
  CHECK(std::abs(down.combined - exact) < 0.03);
  CHECK(down.mean > exact);
}

TEST_CASE("a temperature divides the energy") {
  const Tensor x = normal({3, 2}, 1);
  const PotentialValue one = gaussian(0, 1)(x), cold = at_temperature(gaussian(0, 1), 0.25)(x);
  for (int i = 0; i < 3; ++i) CHECK(cold.u.to_host()[i] == doctest::Approx(4 * one.u.to_host()[i]));
  for (int i = 0; i < 6; ++i) CHECK(cold.gradient.to_host()[i] == doctest::Approx(4 * one.gradient.to_host()[i]));
  CHECK(contains(error_of([] { at_temperature(gaussian(0, 1), 0); }), "more than 0"));
}

TEST_CASE("annealing refuses NaN, a single chain and no steps") {
  const DiagonalGaussian base({2}, {0, 0}, {1, 1}, 0, test_device());
  CHECK(contains(error_of([&] { annealing_schedule(base, gaussian(NAN, 1), {8, 10, 1, 1}); }), "finite energies"));
  CHECK(contains(error_of([&] { annealing_schedule(base, gaussian(0, 1), {1, 10, 1, 1}); }), "2 or more"));
  CHECK(contains(error_of([&] { annealing_schedule(base, gaussian(0, 1), {8, 0, 1, 1}); }), "1 or more"));
}
