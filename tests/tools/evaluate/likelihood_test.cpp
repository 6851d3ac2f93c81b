#include "tools/evaluate/likelihood.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/random_tensor.h"
#include "tests/tools/evaluate/targets.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("the likelihood of points under a Gaussian energy at a temperature lies between the two estimates") {
  // U = ‖x − 1‖²/2 at T = 1/4 is N(1, ½² I)
  const int64_t d = 6;
  const DiagonalGaussian base({d}, std::vector<double>(d, 0), std::vector<double>(d, 1), 0, test_device());
  const Potential energy = gaussian(1, 1);
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
  CHECK(contains(error_of([&] { likelihood(energy, std::vector<float>{NAN}, 1, base, points, {}); }), "U = nan"));
}

TEST_CASE("a uniform density over 255 grey levels' width takes log2 255 bits, and one grey level none") {
  CHECK(bits_per_dimension(-10 * std::log(2.0), 10) == doctest::Approx(std::log2(255.0)));
  CHECK(bits_per_dimension(-10 * std::log(kGreyLevel), 10) == doctest::Approx(0).scale(1));
}

TEST_CASE(
    "dequantising moves a value by at most half a grey level, within the walls, and counts the cells that they cut") {
  std::vector<float> x(10000, 0.25f);
  CHECK(dequantise(x, 0, 1) == doctest::Approx(0).scale(1));
  const Moments m = moments(x);
  for (const float v : x) CHECK(std::abs(v - 0.25) <= 0.5 * kGreyLevel + 1e-7);
  CHECK(m.variance == doctest::Approx(kGreyLevel * kGreyLevel / 12).epsilon(0.1));
  // walls at ±1 halve the cells of black and white: uniform noise in the half that is left
  std::vector<float> edge(4000, 1.0f);
  CHECK(dequantise(edge, 1, 1) == doctest::Approx(4000 * std::log(0.5)));
  CHECK(*std::max_element(edge.begin(), edge.end()) <= 1.0f);
  CHECK(moments(edge).mean == doctest::Approx(1 - kGreyLevel / 4).epsilon(1e-4));
  std::vector<float> inside(10, -1.0f);
  CHECK(dequantise(inside, 1.2, 1) == doctest::Approx(0).scale(1));
  CHECK(contains(error_of([&] { dequantise(inside, 0.5, 1); }), "walls at +-0.5"));
}

TEST_CASE("under the uniform density between walls at ±1, an edge level costs a bit more than an inner one") {
  const double nats = -std::log(2.0);  // of a value, under 1/2 on [-1, 1]
  std::vector<float> white(8, 1.0f), grey(8, 0.0f);
  const double bits_white = bits_per_dimension(8 * nats + dequantise(white, 1, 1), 8);
  const double bits_grey = bits_per_dimension(8 * nats + dequantise(grey, 1, 1), 8);
  CHECK(bits_white == doctest::Approx(std::log2(510.0)));  // probabilities 1/510 and 1/255
  CHECK(bits_grey == doctest::Approx(std::log2(255.0)));
}
