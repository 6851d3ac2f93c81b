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
  // d = 1, subsets {1, 2}, {0, 1} and {0, 0}, {0, 2}: k(a, b) = (ab + 1)³
  //   27 + 1 − 2·(1 + 8 + 1 + 27)/4 = 9.5;  1 + 1 − 2·4/4 = 0
  const std::vector<float> x{1, 2, 0, 0}, y{0, 1, 0, 2};
  const KernelDistance kid = kernel_distance(x, y, 1, 2);
  CHECK(kid.subsets == 2);
  CHECK(kid.subset_size == 2);
  CHECK(kid.value == doctest::Approx(4.75));
  CHECK(kid.standard_error == doctest::Approx(4.75));  // sd of {9.5, 0} is 9.5/√2, over √2
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

TEST_CASE("kernel distance takes smaller subsets where there are few vectors, and refuses fewer than four") {
  const KernelDistance few = kernel_distance(cpu_normal({50, 2}, 1).to_host(), cpu_normal({60, 2}, 2).to_host(), 2);
  CHECK(few.subset_size == 6);  // eight of them, whose spread is the error
  CHECK(few.subsets == 8);
  CHECK(kernel_distance(cpu_normal({7, 2}, 1).to_host(), cpu_normal({9, 2}, 2).to_host(), 2).subset_size == 2);
  CHECK(contains(error_of([] { kernel_distance(std::vector<float>(3), std::vector<float>(9), 1); }), "3 vectors"));
}
