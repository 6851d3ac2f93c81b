#include "train/data/points.h"

#include <doctest/doctest.h>

#include <cmath>

namespace ebm {

TEST_CASE("points are drawn by their density, which integrates to 1") {
  for (const PointSet& set : point_sets()) {
    CAPTURE(set.name);
    constexpr int64_t kCells = 24, kFine = 20, kPoints = 200'000;  // an edge has so many cells, and each so many places
    const double cell = 2 * set.reach / kCells, step = cell / kFine;
    std::vector<double> expected(kCells * kCells), counted(kCells * kCells);
    double total = 0;
    for (int64_t i = 0; i < kCells * kFine; ++i)
      for (int64_t j = 0; j < kCells * kFine; ++j) {
        const double p = set.density((i + 0.5) * step - set.reach, (j + 0.5) * step - set.reach) * step * step;
        expected[static_cast<size_t>(i / kFine * kCells + j / kFine)] += p;
        total += p;
      }
    CHECK(total == doctest::Approx(1).epsilon(1e-3));
    std::vector<float> x(2 * kPoints);
    float* const out[] = {x.data()};
    PointSource(set).fill(1, 7, kPoints, 0, kPoints, out);
    for (int64_t k = 0; k < kPoints; ++k) {
      const auto place = [&](float v) { return static_cast<int64_t>(std::floor((v + set.reach) / cell)); };
      const int64_t i = place(x[2 * k]), j = place(x[2 * k + 1]);
      REQUIRE(i >= 0);
      REQUIRE(i < kCells);
      REQUIRE(j >= 0);
      REQUIRE(j < kCells);
      counted[static_cast<size_t>(i * kCells + j)] += 1.0 / kPoints;
    }
    double worst = 0;  // in standard errors
    for (size_t k = 0; k < expected.size(); ++k)
      worst = std::max(worst, std::abs(counted[k] - expected[k]) / std::sqrt((expected[k] + 1e-5) / kPoints));
    CHECK(worst < 5);
  }
}

TEST_CASE("points are a function of seed, iteration and place") {
  const PointSource points(point_sets()[0]);
  const auto drawn = [&](uint64_t seed, int64_t iteration, int64_t first, int64_t n) {
    std::vector<float> x(static_cast<size_t>(2 * n));
    float* const out[] = {x.data()};
    points.fill(seed, iteration, 8, first, n, out);
    return x;
  };
  const std::vector<float> all = drawn(1, 3, 0, 8);
  CHECK(drawn(1, 3, 5, 3) == std::vector<float>(all.begin() + 10, all.end()));
  CHECK(drawn(2, 3, 0, 8) != all);
  CHECK(drawn(1, 4, 0, 8) != all);
}

}  // namespace ebm
