// Maps over arrays that start and end anywhere, of any number of channels: a GPU takes four elements at once.
#include "kernels/map_values.h"

#include <doctest/doctest.h>

#include "kernels/chain/langevin.h"
#include "kernels/elementwise.h"
#include "tests/test_device.h"

namespace ebm {
namespace {

constexpr int64_t kWhole = 16;  // elements of the arrays that the tests look into

// first, first + 1, … : whole numbers, so that sums of them are exact
std::vector<float> counting(float first) {
  std::vector<float> values(kWhole);
  for (int64_t i = 0; i < kWhole; ++i) values[i] = first + static_cast<float>(i);
  return values;
}

Tensor on_device(const std::vector<float>& values) { return Tensor::from_host(values, {kWhole}, test_device()); }

}  // namespace

TEST_CASE("a map writes its elements and no others, wherever its arrays start") {
  for (int64_t n = 1; n <= 9; ++n)
    for (int64_t from_y = 0; from_y < 4; ++from_y)
      for (int64_t from_x = 0; from_x < 4; ++from_x) {
        const Tensor y = on_device(counting(100)), x = on_device(counting(1));
        Tensor part = y.view(from_y, {n});
        add_scaled(part, x.view(from_x, {n}), 2);
        std::vector<float> expected = counting(100);
        for (int64_t i = 0; i < n; ++i) expected[from_y + i] += 2 * static_cast<float>(1 + from_x + i);
        REQUIRE(y.to_host() == expected);
      }
}

TEST_CASE("a map by channels gives each element its channel's value, for any number of channels") {
  for (int64_t channels = 1; channels <= 6; ++channels)
    for (int64_t rows = 1; rows * channels <= 12; ++rows)
      for (int64_t from_x = 0; from_x < 4; ++from_x)
        for (int64_t from_b = 0; from_b < 4; ++from_b) {
          const Tensor x = on_device(counting(100)), b = on_device(counting(1));
          const Tensor y = add_bias(x.view(from_x, {rows, channels}), b.view(from_b, {channels}));
          const std::vector<float> got = y.to_host();
          for (int64_t i = 0; i < rows * channels; ++i)
            REQUIRE(got[i] == static_cast<float>(100 + from_x + i + 1 + from_b + i % channels));
        }
}

TEST_CASE("a Langevin step's elements keep to their noise, wherever its arrays start") {
  const RandomKey key{5, Stream::langevin, 6, 7};
  const LangevinStep step{0.25f, 0.5f, 0, 0};
  for (uint64_t first = 0; first < 4; ++first)
    for (int64_t n = 1; n <= 9; ++n)
      for (int64_t from = 0; from < 4; ++from) {
        const Tensor x = on_device(counting(100)), df_dx = on_device(counting(1));
        Tensor part = x.view(from, {n});
        langevin_step(part, df_dx.view(3 - from, {n}), step, key, first);
        const std::vector<float> got = x.to_host(), before = counting(100);
        for (int64_t i = 0; i < kWhole; ++i) {
          const int64_t of_part = i - from;
          if (of_part < 0 || of_part >= n) {
            REQUIRE(got[i] == before[i]);
          } else {
            const double gradient = static_cast<double>(1 + 3 - from + of_part);
            const double expected = before[i] + 0.25 * gradient + 0.5 * normal1(key, first + of_part);
            REQUIRE(got[i] == doctest::Approx(expected).epsilon(1e-6));
          }
        }
      }
}

}  // namespace ebm
