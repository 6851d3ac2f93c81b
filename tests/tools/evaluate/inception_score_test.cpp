#include "tools/evaluate/inception_score.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// Logits of images that are each surely of one class.
std::vector<float> sure(const std::vector<int>& labels, size_t classes) {
  std::vector<float> logits(labels.size() * classes, -1000.0f);
  for (size_t i = 0; i < labels.size(); ++i) logits[i * classes + static_cast<size_t>(labels[i])] = 7;
  return logits;
}

InceptionScore::Result score(const std::vector<float>& logits, int64_t classes, int splits) {
  InceptionScore s(static_cast<int64_t>(logits.size()) / classes, classes, splits);
  s.add(logits);
  return s.result();
}

}  // namespace

TEST_CASE("inception score: the number of classes where each is sure and all are equally many, 1 where none is") {
  CHECK(score(sure({0, 1, 2, 3, 3, 2, 1, 0}, 4), 4, 2).mean == doctest::Approx(4).epsilon(1e-12));
  CHECK(score(std::vector<float>(20, 3.0f), 5, 2).mean == doctest::Approx(1).epsilon(1e-12));
  CHECK(score(sure({2, 2, 2, 2}, 4), 4, 2).mean == doctest::Approx(1).epsilon(1e-12));
}

TEST_CASE("inception score: mean and deviation over splits in the order of the images") {
  // the first split holds two classes (score 2), the second one (score 1); a last odd image is left out
  InceptionScore s(5, 3, 2);
  const std::vector<float> logits = sure({0, 1, 2, 2, 0}, 3);
  s.add(std::span(logits).first(3));
  s.add(std::span(logits).subspan(3));
  CHECK(s.result().mean == doctest::Approx(1.5).epsilon(1e-12));
  CHECK(s.result().deviation == doctest::Approx(0.5).epsilon(1e-12));
  CHECK(s.result().splits == 2);
}

TEST_CASE("inception score between the extremes, and logits of any offset") {
  // p = (0.8, 0.2) and (0.2, 0.8): exp of log 2 + 0.8 log 0.8 + 0.2 log 0.2
  const float a = std::log(0.8f), b = std::log(0.2f);
  const double expected = 2 * std::pow(0.8, 0.8) * std::pow(0.2, 0.2);
  CHECK(score({a, b, b, a}, 2, 1).mean == doctest::Approx(expected).epsilon(1e-6));
  CHECK(score({a + 500, b + 500, b - 500, a - 500}, 2, 1).mean == doctest::Approx(expected).epsilon(1e-4));
}

TEST_CASE("inception score refuses too few images and logits that are no numbers") {
  CHECK(contains(error_of([] { InceptionScore(9, 10); }), "9 images"));
  InceptionScore s(2, 2, 1);
  CHECK(contains(error_of([&] { s.add(std::vector<float>{0, NAN}); }), "finite"));
  CHECK(contains(error_of([] { InceptionScore(2, 2, 1).result(); }), "0 images"));
}
