#include "tools/evaluate/envelope.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

using namespace ebm;

TEST_CASE("stretches cover all rows, and differ by one row at most") {
  for (const int64_t rows : {0, 1, 7, 600, 601, 15000}) {
    const std::vector<int64_t> boundaries = stretches(rows, 600);
    CHECK(boundaries.front() == 0);
    CHECK(boundaries.back() == rows);
    CHECK(static_cast<int64_t>(boundaries.size()) == std::min<int64_t>(rows, 600) + 1);
    for (size_t b = 0; b + 1 < boundaries.size(); ++b) {
      const int64_t length = boundaries[b + 1] - boundaries[b];
      CHECK(length >= rows / 600);
      CHECK(length <= rows / 600 + 1);
    }
  }
}

TEST_CASE("an envelope keeps a single peak and the mean") {
  std::vector<double> values(1000);
  std::iota(values.begin(), values.end(), 0.0);
  values[314] = 1e6;
  const Envelope e = envelope(values, stretches(1000, 10));
  REQUIRE(e.mean.size() == 10);
  CHECK(e.least[3] == 300);
  CHECK(e.greatest[3] == 1e6);
  CHECK(e.mean[0] == doctest::Approx(49.5));  // of 0 to 99
  CHECK(e.mean[3] == doctest::Approx(349.5 + (1e6 - 314) / 100));
}

TEST_CASE("NaN and Inf leave the finite values of a stretch, or nothing") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
  const Envelope e = envelope(std::vector<double>{kNan, 2, -kInf, 4, kNan, kInf}, std::vector<int64_t>{0, 4, 6});
  CHECK(e.least[0] == 2);
  CHECK(e.greatest[0] == 4);
  CHECK(e.mean[0] == 3);
  CHECK(std::isnan(e.least[1]));
  CHECK(std::isnan(e.mean[1]));
}
