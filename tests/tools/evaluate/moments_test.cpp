#include "tools/evaluate/moments.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// The definition, in two passes.
Gaussian two_pass(const std::vector<float>& rows, size_t d) {
  const size_t n = rows.size() / d;
  Gaussian g{std::vector<double>(d), std::vector<double>(d * d)};
  for (size_t i = 0; i < rows.size(); ++i) g.mean[i % d] += rows[i] / static_cast<double>(n);
  for (size_t i = 0; i < n; ++i)
    for (size_t a = 0; a < d; ++a)
      for (size_t b = 0; b < d; ++b)
        g.covariance[a * d + b] +=
            (rows[i * d + a] - g.mean[a]) * (rows[i * d + b] - g.mean[b]) / static_cast<double>(n - 1);
  return g;
}

Gaussian streamed(const std::vector<float>& rows, int64_t d, size_t rows_at_once) {
  Moments moments(d);
  const size_t step = rows_at_once * static_cast<size_t>(d);
  for (size_t first = 0; first < rows.size(); first += step)
    moments.add(std::span(rows).subspan(first, std::min(step, rows.size() - first)));
  return moments.gaussian();
}

}  // namespace

TEST_CASE("moments of three vectors by hand") {
  const Gaussian g = streamed({1, 2, 3, 6, 5, 1}, 2, 1);  // (1,2) (3,6) (5,1)
  CHECK(g.mean == std::vector<double>{3, 3});
  // Σ: (4+0+4, 2+0−4; ·, 1+9+4), over 2
  for (size_t i = 0; i < 4; ++i) CHECK(g.covariance[i] == doctest::Approx(std::vector<double>{4, -1, -1, 7}[i]));
}

TEST_CASE("streamed moments are those of the definition, however the stream is cut, far from the origin too") {
  const std::vector<float> rows = normal({700, 5}, 3, 1000.0f, 0.5f, kCpu).to_host();
  const Gaussian expected = two_pass(rows, 5);
  for (const size_t rows_at_once : {1, 7, 256, 700}) {
    const Gaussian g = streamed(rows, 5, rows_at_once);
    CHECK(relative_error(g.mean, expected.mean) < 1e-14);
    CHECK(relative_error(g.covariance, expected.covariance) < 1e-11);
  }
}

TEST_CASE("merged moments are those of both streams, an empty one included") {
  const std::vector<float> rows = cpu_normal({90, 3}, 4).to_host();
  Moments all(3), left(3), right(3);
  all.add(rows);
  left.add(std::span(rows).first(60));
  right.add(std::span(rows).subspan(60));
  left.merge(Moments(3));
  left.merge(right);
  CHECK(left.count() == 90);
  CHECK(relative_error(left.gaussian().covariance, all.gaussian().covariance) < 1e-14);
  Moments empty(3);
  empty.merge(right);
  CHECK(empty.gaussian().mean == right.gaussian().mean);
}

TEST_CASE("moments refuse what has none") {
  Moments moments(2);
  CHECK(contains(error_of([&] { moments.add(std::vector<float>{1, 2, 3}); }), "3 values"));
  CHECK(contains(error_of([&] { moments.add(std::vector<float>{1, NAN}); }), "NaN"));
  CHECK(contains(error_of([&] { moments.add(std::vector<float>{1, INFINITY}); }), "infinite"));
  moments.add(std::vector<float>{1, 2});
  CHECK(contains(error_of([&] { moments.gaussian(); }), "at least 2"));
  CHECK(contains(error_of([&] { moments.merge(Moments(3)); }), "vectors of 3"));
}
