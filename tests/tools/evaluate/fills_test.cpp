#include "tools/evaluate/fills.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "tests/train/fixtures.h"
#include "train/data/mask.h"

using namespace ebm;
using namespace ebm::test;

namespace {

std::vector<float> noise(int64_t values) {
  std::vector<float> x(static_cast<size_t>(values));
  for (size_t i = 0; i < x.size(); ++i) x[i] = 2 * uniform1({1, Stream::sample}, i) - 1;
  return x;
}

}  // namespace

TEST_CASE("grey fill") {
  const std::vector<float> x{0.1f, 0.2f, 0.3f, 0.4f, -0.1f, -0.2f, -0.3f, -0.4f};  // (2, 1, 2, 2)
  CHECK(grey_fill(x, {1, 2, 2}, std::vector<uint8_t>{0, 1}) ==
        std::vector<float>{0.1f, 0.2f, 0, 0, -0.1f, -0.2f, 0, 0});
}

TEST_CASE("row-linear fill by hand: between two pixels, from the only one, and a row without any") {
  const std::vector<float> x{0,     9, 9, 9,     1,    9,  // 9: in the hole
                             9,     9, 9, -0.5f, 0.5f, 9,  //
                             0.25f, 9, 1, 9,     9,    9,  //
                             9,     9, 9, 9,     9,    9};
  const std::vector<uint8_t> hole{0, 1, 1, 1, 0, 1,  //
                                  1, 1, 1, 0, 0, 1,  //
                                  0, 1, 0, 1, 1, 1,  //
                                  1, 1, 1, 1, 1, 1};
  const std::vector<float> expected{0,     0.25f,  0.5f,  0.75f, 1,    1,     //
                                    -0.5f, -0.5f,  -0.5f, -0.5f, 0.5f, 0.5f,  //
                                    0.25f, 0.625f, 1,     1,     1,    1,     //
                                    0,     0,      0,     0,     0,    0};
  CHECK(row_linear_fill(x, {4, 6, 1}, hole) == expected);
  // two images of two channels, the second one the negative of the first
  std::vector<float> two, two_expected;
  for (const float sign : {1.0f, -1.0f}) {
    for (size_t i = 0; i < x.size(); ++i) {
      two.insert(two.end(), {sign * x[i], -2 * sign * x[i]});
      two_expected.insert(two_expected.end(), {sign * expected[i], -2 * sign * expected[i]});
    }
  }
  CHECK(row_linear_fill(two, {4, 6, 2}, hole) == two_expected);
}

TEST_CASE("harmonic fill: a slope goes on through the hole") {
  const ImageShape image{9, 12, 2};
  std::vector<float> x;  // (2, 9, 12, 2)
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t i = 0; i < 9 * 12; ++i)
      for (int64_t c = 0; c < 2; ++c) x.push_back(static_cast<float>((c + 1) * (i / 12) - (n + 1) * (i % 12)) / 32.0f);
  const std::vector<uint8_t> hole = Mask("center:0.6", image).hole(0, 0, 0);
  std::vector<float> damaged = x;
  for (size_t i = 0; i < damaged.size(); ++i)
    if (hole[i / 2 % hole.size()]) damaged[i] = 77;
  const std::vector<float> filled = harmonic_fill(damaged, image, hole);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(filled[i]) - x[i]));
  CHECK(worst < 1e-7);
}

TEST_CASE("harmonic fill: each pixel of the hole is the mean of its neighbours inside the image, and no extreme") {
  const ImageShape image{16, 14, 1};
  const std::vector<float> x = noise(image.elements());
  for (const char* text : {"center:0.5", "left", "right", "random", "stroke"}) {
    const std::vector<uint8_t> hole = Mask(text, image).hole(3, 0, 5);
    const std::vector<float> filled = harmonic_fill(x, image, hole);
    float least = 1, most = -1;
    for (size_t i = 0; i < x.size(); ++i)
      if (!hole[i]) least = std::min(least, x[i]), most = std::max(most, x[i]);
    for (int64_t i = 0; i < image.elements(); ++i) {
      const float value = filled[static_cast<size_t>(i)];
      if (!hole[static_cast<size_t>(i)]) {
        REQUIRE(value == x[static_cast<size_t>(i)]);
        continue;
      }
      double sum = 0;
      int neighbours = 0;
      for (const auto& [dy, dx] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
        const int64_t y = i / 14 + dy, column = i % 14 + dx;
        if (y < 0 || y >= 16 || column < 0 || column >= 14) continue;
        sum += filled[static_cast<size_t>(y * 14 + column)];
        ++neighbours;
      }
      REQUIRE(std::abs(value - sum / neighbours) < 1e-6);
      REQUIRE(value >= least);
      REQUIRE(value <= most);
    }
  }
}

TEST_CASE("harmonic fill: an image of one known pixel takes its value") {
  std::vector<float> x(20, 0.0f);
  std::vector<uint8_t> hole(20, 1);
  x[7] = 0.375f, hole[7] = 0;
  for (const float value : harmonic_fill(x, {4, 5, 1}, hole)) CHECK(value == doctest::Approx(0.375).epsilon(1e-6));
}

TEST_CASE("fills refuse other sizes and holes that leave nothing; without a hole the image stays") {
  const std::vector<float> x = noise(24);
  CHECK(harmonic_fill(x, {3, 4, 2}, std::vector<uint8_t>(12, 0)) == x);
  CHECK(contains(error_of([&] { grey_fill(x, {3, 4, 2}, std::vector<uint8_t>(11, 0)); }), "a hole of 11 pixels"));
  CHECK(contains(error_of([&] { row_linear_fill(x, {3, 3, 2}, std::vector<uint8_t>(9, 0)); }), "images of 18 values"));
  CHECK(contains(error_of([&] { harmonic_fill(x, {3, 4, 2}, std::vector<uint8_t>(12, 1)); }), "as large as the image"));
}
