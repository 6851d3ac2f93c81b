#include "tools/evaluate/pixels.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("levels are clipped and rounded, and come back as the values of the data") {
  const std::vector<float> values{-1, 1, 0, -7, 1.2f, 2 / 255.0f - 1 + 0.003f};
  const std::vector<uint8_t> levels = to_levels(Tensor::from_host(values, {1, 2, 3, 1}, kCpu), "sample", 0);
  CHECK(levels == std::vector<uint8_t>{0, 255, 128, 0, 255, 1});  // 0 lies between 127 and 128
  CHECK(from_levels(levels)[1] == 1);
  CHECK(from_levels(levels)[5] == doctest::Approx(2 / 255.0 - 1));
  for (int level = 0; level < 256; ++level) {
    const std::vector<uint8_t> one{static_cast<uint8_t>(level)};
    CHECK(to_levels(Tensor::from_host(from_levels(one), {1, 1, 1, 1}, kCpu), "sample", 0) == one);
  }
}

TEST_CASE("NaN in a sample is named, not painted over") {
  const Tensor x = Tensor::from_host(std::vector<float>{0, 0, 0, NAN}, {2, 1, 2, 1}, kCpu);
  CHECK(contains(error_of([&] { to_levels(x, "sample", 300); }), "NaN in sample 301"));
}
