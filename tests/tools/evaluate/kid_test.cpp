#include "tools/evaluate/kid.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// The definition on one subset, in double.
double mmd2(std::span<const float> x, std::span<const float> y, size_t d) {
  const size_t m = x.size() / d;
  const auto k = [&](std::span<const float> a, size_t i, std::span<const float> b, size_t j) {
    double dot = 0;
    for (size_t c = 0; c < d; ++c) dot += static_cast<double>(a[i * d + c]) * b[j * d + c];
    return std::pow(dot / static_cast<double>(d) + 1, 3);
  };
  double within = 0, across = 0;
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < m; ++j) {
      if (i != j) within += k(x, i, x, j) + k(y, i, y, j);
      across += k(x, i, y, j);
    }
  const double n = static_cast<double>(m);
  return within / (n * (n - 1)) - 2 * across / (n * n);
}

}  // namespace

TEST_CASE("kernel distance by hand") {
  // d = 1, {1, 2} against {0, 1}, {0, 0} against {0, 2}: k(a, b) = (ab + 1)³
  CHECK(mmd2(std::vector<float>{1, 2}, std::vector<float>{0, 1}, 1) == 27 + 1 - 2 * (1 + 8 + 1 + 27) / 4.0);
  CHECK(mmd2(std::vector<float>{0, 0}, std::vector<float>{0, 2}, 1) == 0);
}

TEST_CASE("kernel distance is the mean of the definition over the subsets") {
  const size_t d = 6, m = 40, subsets = 9;
  const std::vector<float> x = cpu_normal({390, 6}, 1).to_host(), y = normal({375, 6}, 2, 0.4f, 1, kCpu).to_host();
  double expected = 0;
  for (size_t s = 0; s < subsets; ++s)
    expected += mmd2(std::span(x).subspan(s * m * d, m * d), std::span(y).subspan(s * m * d, m * d), d) / subsets;
  const KernelDistance kid = kernel_distance(x, y, 6, 40);
  CHECK(kid.subsets == subsets);
  CHECK(kid.value == doctest::Approx(expected).epsilon(1e-5));
  CHECK(kid.value > 3 * kid.standard_error);  // the two distributions differ
}

TEST_CASE("kernel distance of two sets from one distribution is 0 within its standard error") {
  // unbiased: the mean over many subsets falls below 0 about as often as above
  const KernelDistance kid =
      kernel_distance(cpu_normal({4000, 4}, 5).to_host(), cpu_normal({4000, 4}, 6).to_host(), 4, 50);
  CHECK(kid.subsets == 80);
  CHECK(std::abs(kid.value) < 4 * kid.standard_error);
}

TEST_CASE("kernel distance of few vectors takes all pairs, its error by leaving out each eighth") {
  const size_t d = 3, m = 5, blocks = 8;
  const std::vector<float> x = cpu_normal({43, 3}, 1).to_host(), y = normal({45, 3}, 2, 0.4f, 1, kCpu).to_host();
  const std::span<const float> all_x = std::span(x).first(blocks * m * d), all_y = std::span(y).first(blocks * m * d);
  const KernelDistance kid = kernel_distance(x, y, 3);
  CHECK(kid.subsets == 1);
  CHECK(kid.subset_size == 40);
  CHECK(kid.value == doctest::Approx(mmd2(all_x, all_y, d)).epsilon(1e-5));
  std::vector<double> without;
  for (size_t s = 0; s < blocks; ++s) {
    const auto rest = [&](std::span<const float> of) {
      std::vector<float> rows(of.begin(), of.end());
      rows.erase(rows.begin() + static_cast<long>(s * m * d), rows.begin() + static_cast<long>((s + 1) * m * d));
      return rows;
    };
    without.push_back(mmd2(rest(all_x), rest(all_y), d));
  }
  double mean = 0, squares = 0;
  for (const double v : without) mean += v / blocks;
  for (const double v : without) squares += (v - mean) * (v - mean);
  CHECK(kid.standard_error == doctest::Approx(std::sqrt(7.0 / 8 * squares)).epsilon(1e-4));

  CHECK(kernel_distance(cpu_normal({7, 2}, 1).to_host(), cpu_normal({9, 2}, 2).to_host(), 2).subset_size == 7);
  CHECK(contains(error_of([] { kernel_distance(std::vector<float>(3), std::vector<float>(9), 1); }), "3 vectors"));
}

TEST_CASE("kernel distance of few vectors from one distribution is seldom far below 0 for its error") {
  int below = 0;
  const int repeats = 400;
  for (uint64_t r = 0; r < repeats; ++r) {
    const KernelDistance kid =
        kernel_distance(cpu_normal({128, 4}, 2 * r).to_host(), cpu_normal({128, 4}, 2 * r + 1).to_host(), 4);
    below += kid.value < -2 * kid.standard_error;
  }
  CHECK(below < repeats / 20);  // about 3 %; of means of eight subsets of 16, 8 %
}
