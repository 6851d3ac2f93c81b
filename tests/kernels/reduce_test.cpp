#include "kernels/reduce.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/check.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

// `got` within float rounding of the sum, whose terms may cancel: relative to the sum of magnitudes.
void check_sum(float got, double sum, double magnitude) {
  CHECK(std::abs(got - sum) <= 1e-7 * magnitude + 6e-8 * std::abs(sum) + 1e-30);
}

}  // namespace

TEST_CASE("sum and sum_squares agree with double for sizes around a block") {
  for (int64_t n : {0, 1, 7, 255, 4096, 4097, 8191, 8192, 8193, 100003}) {
    CAPTURE(n);
    const Tensor x = normal({n}, 1);
    double sum_x = 0, squares = 0, magnitude = 0;
    for (float v : x.to_host()) {
      sum_x += v;
      squares += static_cast<double>(v) * v;
      magnitude += std::abs(v);
    }
    check_sum(sum(x).item(), sum_x, magnitude);
    check_sum(sum_squares(x).item(), squares, squares);
  }
}

TEST_CASE("max_abs is the largest magnitude, and a NaN stays one") {
  for (int64_t n : {1, 63, 64, 65, 4097}) {
    CAPTURE(n);
    const Tensor x = normal({n}, 1);
    float largest = 0;
    std::vector<float> values = x.to_host();
    for (float v : values) largest = std::max(largest, std::abs(v));
    CHECK(max_abs(x).item() == largest);
    values[static_cast<size_t>(n / 2)] = NAN;
    CHECK(std::isnan(max_abs(Tensor::from_host(values, {n}, x.device())).item()));
  }
}

TEST_CASE("normalise_rows makes rows of length 1 and tells what they were; a row of zeros stays one") {
  Tensor x = Tensor::from_host(std::vector<float>{3, -4, 0, 0, 0.5f, 0}, {3, 2}, test_device());
  CHECK(normalise_rows(x).to_host() == std::vector<float>{5, 0, 0.5f});
  const std::vector<float> unit = x.to_host();
  CHECK(unit[0] == doctest::Approx(0.6));
  CHECK(unit[1] == doctest::Approx(-0.8));
  CHECK(unit[2] == 0);
  CHECK(unit[4] == 1);
}

TEST_CASE("a sum of large energies keeps its last digits") {
  // a million values near 1e6: a plain loop of float additions is off by more than 1e-3 here
  const Tensor x = normal({1000000}, 1, 1e6f);
  double expected = 0;
  for (float v : x.to_host()) expected += v;
  CHECK(std::abs(sum(x).item() - expected) <= 6e-8 * expected);
}

TEST_CASE("sum_rows and sum_columns agree with double for many extents") {
  for (const auto& [rows, channels] : std::vector<std::pair<int64_t, int64_t>>{{1, 1},
                                                                               {5000, 1},
                                                                               {4099, 3},
                                                                               {700, 10},
                                                                               {333, 63},
                                                                               {129, 64},
                                                                               {100, 65},
                                                                               {1000, 200},
                                                                               {40, 256},
                                                                               {40, 257},
                                                                               {3, 513},
                                                                               {2, 20000},
                                                                               {70000, 5}}) {
    CAPTURE(rows);
    CAPTURE(channels);
    const Tensor x = normal({rows, channels}, 1);
    const auto values = x.to_host();
    const auto by_row = sum_rows(x).to_host(), by_column = sum_columns(x).to_host();
    REQUIRE(by_row.size() == static_cast<size_t>(rows));
    REQUIRE(by_column.size() == static_cast<size_t>(channels));
    std::vector<double> row(rows), column(channels), column_size(channels);
    for (int64_t r = 0; r < rows; ++r) {
      double size = 0;
      for (int64_t c = 0; c < channels; ++c) {
        const double v = values[r * channels + c];
        row[r] += v, size += std::abs(v), column[c] += v, column_size[c] += std::abs(v);
      }
      check_sum(by_row[r], row[r], size);
    }
    for (int64_t c = 0; c < channels; ++c) check_sum(by_column[c], column[c], column_size[c]);
  }
}

TEST_CASE("sum_columns folds images, sum_first folds parts") {
  const Tensor x = normal({4, 3, 5, 6}, 1);
  const auto v = x.to_host(), columns = sum_columns(x).to_host();
  const Tensor first = sum_first(x);
  CHECK(first.shape() == Shape{1, 3, 5, 6});
  const auto parts = first.to_host();
  for (int64_t c = 0; c < 6; ++c) {
    double expected = 0;
    for (int64_t i = c; i < x.size(); i += 6) expected += v[i];
    CHECK(columns[c] == doctest::Approx(expected).scale(10).epsilon(1e-6));
  }
  for (int64_t j = 0; j < 90; ++j) {
    const double expected = static_cast<double>(v[j]) + v[90 + j] + v[180 + j] + v[270 + j];
    CHECK(parts[j] == doctest::Approx(expected).scale(4).epsilon(1e-6));
  }
}

TEST_CASE("sums are the same bits for any number of threads") {
  const Tensor x = normal({1234, 567}, 1), narrow = normal({99999, 3}, 1);
  const auto all = [&] {
    std::vector<float> values = {sum(x).item(), sum_squares(x).item()};
    for (const Tensor& y : {sum_rows(x), sum_columns(x), sum_columns(narrow), sum_first(narrow)}) {
      const auto v = y.to_host();
      values.insert(values.end(), v.begin(), v.end());
    }
    return values;
  };
  set_num_threads(1);
  const auto one = all();
  for (int threads : {2, 3, 5}) {
    set_num_threads(threads);
    CHECK(all() == one);
  }
  set_num_threads(0);
}

TEST_CASE("logsumexp does not overflow and its gradient is the softmax") {
  const std::vector<float> values = {1000,  1001,      999, -1000,     -1001,     -999,      0.5f,     -0.5f,
                                     0.25f, -INFINITY, 2,   -INFINITY, -INFINITY, -INFINITY, -INFINITY};
  const Tensor x = Tensor::from_host(values, {5, 3}, test_device());
  const Tensor y = logsumexp_rows(x);
  const auto got = y.to_host();
  CHECK(got[0] == doctest::Approx(1001.4076));
  CHECK(got[1] == doctest::Approx(-998.5924));
  CHECK(got[2] == doctest::Approx(std::log(std::exp(0.5) + std::exp(-0.5) + std::exp(0.25))));
  CHECK(got[3] == 2.0f);
  CHECK(got[4] == -INFINITY);

  const Tensor rows = normal({6, 9}, 1);
  const Tensor dy = normal({6}, 2);
  const auto v = rows.to_host(), weight = dy.to_host();
  const auto dx = logsumexp_rows_backward(rows, logsumexp_rows(rows), dy).to_host();
  for (int64_t i = 0; i < 6; ++i) {
    double total = 0;
    for (int64_t j = 0; j < 9; ++j) total += std::exp(static_cast<double>(v[i * 9 + j]));
    for (int64_t j = 0; j < 9; ++j)
      CHECK(dx[i * 9 + j] ==
            doctest::Approx(weight[i] * std::exp(static_cast<double>(v[i * 9 + j])) / total).epsilon(1e-5));
  }
}

TEST_CASE("expanding is the transpose of summing") {
  const Device device = test_device();
  const auto everywhere = expand(Tensor::from_host(std::vector<float>{3}, {1}, device), {2, 5}, 0.5f);
  for (float v : everywhere.to_host()) CHECK(v == 1.5f);
  const Tensor per_row = normal({3}, 1);
  const auto rows = expand_rows(per_row, {3, 7, 11}, 2).to_host(), a = per_row.to_host();
  for (size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == 2 * a[i / 77]);
  const Tensor first = normal({1, 5, 3}, 1);
  const auto copies = expand_first(first, {4, 5, 3}).to_host(), b = first.to_host();
  for (size_t i = 0; i < copies.size(); ++i) CHECK(copies[i] == b[i % 15]);
  const Tensor y = normal({4, 5, 3}, 2);
  const auto masked = expand_first(first, {4, 5, 3}, {y, 0.25f}).to_host(), signs = y.to_host();
  for (size_t i = 0; i < masked.size(); ++i) CHECK(masked[i] == b[i % 15] * (signs[i] > 0 ? 1.0f : 0.25f));
}

TEST_CASE("reductions refuse shapes that they cannot mean") {
  const Tensor x = normal({2, 3, 4}, 1);
  CHECK_THROWS_AS(logsumexp_rows(x), Error);
  CHECK_THROWS_AS(expand(x, {2}, 1), Error);
  CHECK_THROWS_AS(expand_rows(normal({3}, 1), {2, 3}, 1), Error);
  CHECK_THROWS_AS(expand_first(normal({2, 3}, 1), {2, 3}), Error);
  CHECK_THROWS_AS(expand_first(normal({1, 3}, 1), {2, 3}, {normal({3, 2}, 1), 0.5f}), Error);
}

}  // namespace ebm
