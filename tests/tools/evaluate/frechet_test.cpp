#include "tools/evaluate/frechet.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// Moments of random vectors in d dimensions, correlated where d < n.
Gaussian random_gaussian(int64_t n, int64_t d, uint64_t seed, float mean = 0) {
  Moments moments(d);
  moments.add(normal({n, d}, seed, mean, 2.0f, kCpu).to_host());
  return moments.gaussian();
}

}  // namespace

TEST_CASE("frechet distance of one-dimensional and diagonal Gaussians: (m - m')² + (s - s')² in each direction") {
  CHECK(frechet_distance({{1}, {4}}, {{3}, {25}}) == doctest::Approx(4 + 9).epsilon(1e-12));
  CHECK(frechet_distance({{0, 0, 0}, {1, 0, 0, 0, 4, 0, 0, 0, 9}}, {{1, 2, 2}, {4, 0, 0, 0, 4, 0, 0, 0, 1}}) ==
        doctest::Approx(9 + 1 + 0 + 4).epsilon(1e-12));
}

TEST_CASE("frechet distance where the covariances do not commute: 2×2 has a closed form") {
  const Gaussian a{{0, 0}, {5, 2, 2, 3}}, b{{1, -1}, {2, -1, -1, 4}};
  // tr √M = √(tr M + 2 √det M) for 2×2; M = C_a C_b, tr M = 5·2 + 2·2·(−1) + 3·4, det M = 11·7
  const double trace_root = std::sqrt(18 + 2 * std::sqrt(77.0));
  CHECK(frechet_distance(a, b) == doctest::Approx(2 + 8 + 6 - 2 * trace_root).epsilon(1e-12));
  CHECK(frechet_distance(b, a) == doctest::Approx(frechet_distance(a, b)).epsilon(1e-12));
}

TEST_CASE("frechet distance: 0 to itself, unmoved by a common shift, scaled by the square of a common factor") {
  const Gaussian a = random_gaussian(200, 20, 1), b = random_gaussian(150, 20, 2, 0.3f);
  CHECK(std::abs(frechet_distance(a, a)) < 1e-10);
  const double distance = frechet_distance(a, b);
  CHECK(distance > 0.1);
  Gaussian shifted_a = a, shifted_b = b, scaled_a = a, scaled_b = b;
  for (size_t i = 0; i < a.mean.size(); ++i) {
    shifted_a.mean[i] += 5, shifted_b.mean[i] += 5;
    scaled_a.mean[i] *= 3, scaled_b.mean[i] *= 3;
  }
  for (size_t i = 0; i < a.covariance.size(); ++i) scaled_a.covariance[i] *= 9, scaled_b.covariance[i] *= 9;
  CHECK(frechet_distance(shifted_a, shifted_b) == doctest::Approx(distance).epsilon(1e-12));
  CHECK(frechet_distance(scaled_a, scaled_b) == doctest::Approx(9 * distance).epsilon(1e-12));
}

TEST_CASE("frechet distance with singular covariances") {
  // fewer vectors than dimensions: rank 5 of 20. The roots of its zero eigenvalues lose half the digits.
  const Gaussian a = random_gaussian(6, 20, 3);
  CHECK(std::abs(frechet_distance(a, a)) < 1e-5);
  const Gaussian point{std::vector<double>(20), std::vector<double>(400)};
  double expected = 0;  // to a point: ‖m‖² + tr C
  for (size_t i = 0; i < 20; ++i) expected += a.mean[i] * a.mean[i] + a.covariance[21 * i];
  CHECK(frechet_distance(a, point) == doctest::Approx(expected).epsilon(1e-12));
}

TEST_CASE("frechet distance refuses what is no pair of Gaussians") {
  CHECK(contains(error_of([] { frechet_distance({{0}, {1}}, {{0, 0}, {1, 0, 0, 1}}); }), "1 and 2"));
  CHECK(contains(error_of([] { frechet_distance({{0, 0}, {1, 2, 2, 1}}, {{0, 0}, {1, 0, 0, 1}}); }), "eigenvalue -1"));
}
