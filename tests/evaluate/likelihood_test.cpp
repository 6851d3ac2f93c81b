#include "evaluate/likelihood.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/evaluate/targets.h"
#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE(
    "the likelihood of points under a Gaussian energy at a temperature lies between the two estimates") {
  // U = ‖x − 1‖²/2 at T = 1/4 is N(1, ½² I)
  const int64_t d = 6;
  const DiagonalGaussian base({d}, std::vector<double>(d, 0), std::vector<double>(d, 1), 0, test_device());
  const EnergyFunction energy = gaussian(1, 1);
  const Tensor points = normal({50, d}, 3, 0.8f, 0.6f);
  const std::vector<float> u = energy(points).u.to_host();
  double exact = 0;
  for (const float v : u) exact -= v / 0.25 / 50;
  exact -= d * (0.5 * std::log(2 * std::numbers::pi) + std::log(0.5));
  const Likelihood l = likelihood(energy, u, 0.25, base, normal({200, d}, 4, 1, 0.5f), {200, 300, 3, 1});
  CHECK(l.optimistic() == doctest::Approx(exact).epsilon(0.03));
  CHECK(l.pessimistic() == doctest::Approx(exact).epsilon(0.03));
  CHECK(-l.mean_u - l.forward.mean > exact);  // bounds in expectation
  CHECK(-l.mean_u - l.reverse.mean < exact);
  CHECK(contains(error_of([&] { likelihood(energy, std::vector<float>{NAN}, 1, base, points, {}); }),
                 "U = nan"));
}

TEST_CASE("a uniform density over 255 grey levels' width takes log2 255 bits, and one grey level none") {
  CHECK(bits_per_dimension(-10 * std::log(2.0), 10) == doctest::Approx(std::log2(255.0)));
  CHECK(bits_per_dimension(-10 * std::log(kGreyLevel), 10) == doctest::Approx(0).scale(1));
}

TEST_CASE("dequantising moves a value by at most half a grey level and keeps it within the walls") {
  std::vector<float> x(10000, 0.25f);
  dequantise(x, 0, 1);
  const Moments m = moments(x);
  for (const float v : x) CHECK(std::abs(v - 0.25) <= 0.5 * kGreyLevel + 1e-7);
  CHECK(m.variance == doctest::Approx(kGreyLevel * kGreyLevel / 12).epsilon(0.1));
  std::vector<float> edge(100, 1.0f);
  dequantise(edge, 1, 1);
  CHECK(*std::max_element(edge.begin(), edge.end()) == 1.0f);
}
