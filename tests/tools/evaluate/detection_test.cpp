#include "tools/evaluate/detection.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/train/fixtures.h"
#include "tools/evaluate/histogram.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("AUROC and average precision by hand, ties included") {
  const std::vector<float> positive{3, 2, 2}, negative{2, 1};
  // pairs: 3 beats both; each 2 ties with 2 and beats 1: (2 + 2·(½ + 1))/6
  CHECK(auroc(positive, negative) == doctest::Approx(5.0 / 6));
  // thresholds 3: R 1/3, P 1; 2: R 1, P 3/4; 1: no new positives
  CHECK(average_precision(positive, negative) == doctest::Approx(1.0 / 3 + 2.0 / 3 * 0.75));
  // the other way round: thresholds 3: R 0; 2: R 1/2, P 1/4; 1: R 1, P 2/5
  CHECK(average_precision(negative, positive) == doctest::Approx(0.5 * 0.25 + 0.5 * 0.4));
  CHECK(auroc(negative, positive) == doctest::Approx(1.0 / 6));
}

TEST_CASE("a perfect score, a reversed one, and one that tells nothing") {
  const std::vector<float> high{5, 6, 7}, low{1, 2}, same{4, 4, 4, 4};
  CHECK(auroc(high, low) == 1);
  CHECK(average_precision(high, low) == 1);
  CHECK(auroc(low, high) == 0);
  CHECK(average_precision(low, high) == doctest::Approx(0.5 * 1 / 4 + 0.5 * 2 / 5));  // last of all
  CHECK(auroc(same, std::vector<float>{4}) == 0.5);
  CHECK(average_precision(same, std::vector<float>{4}) == doctest::Approx(0.8));  // the share of positives
  CHECK(auroc(std::vector<float>{INFINITY}, std::vector<float>{1}) == 1);
}

TEST_CASE("empty sets and NaN are refused") {
  const std::vector<float> some{1}, none, nan{NAN};
  CHECK(contains(error_of([&] { auroc(some, none); }), "some of each"));
  CHECK(contains(error_of([&] { auroc(nan, some); }), "NaN"));
  CHECK(contains(error_of([&] { average_precision(some, nan); }), "NaN"));
}

TEST_CASE("a histogram counts every value once, and shows it") {
  const Histogram h = histogram({{0, 0.9f, 1, 4}, {2.5f, 2.5f}}, 4);
  CHECK(h.low == 0);
  CHECK(h.high == 4);
  CHECK(h.shares[0] == std::vector<double>{0.5, 0.25, 0, 0.25});  // the largest value is in the last bin
  CHECK(h.shares[1] == std::vector<double>{0, 0, 1, 0});
  CHECK(line_of(h, 0) == "█▄ ▄");
  CHECK(line_of(h, 1) == "  █ ");
  const Picture p = picture(h);
  // columns of white in the first panel: 80, 40, 0 and 40 pixels high
  const auto white = [&](int64_t bin) {
    int64_t count = 0;
    for (int64_t y = 0; y < 8 + 80; ++y) count += p.pixels[static_cast<size_t>(y * p.shape.width + 8 + bin * 6)] == 255;
    return count;
  };
  CHECK(white(0) == 80);
  CHECK(white(1) == 40);
  CHECK(white(2) == 0);
  CHECK(white(3) == 40);
  CHECK(histogram({{3, 3}}, 2).shares[0] == std::vector<double>{1, 0});
  CHECK(contains(error_of([] { histogram({{NAN}}, 4); }), "finite"));
  CHECK(contains(error_of([] { histogram({{}}, 4); }), "empty"));
}
