#include "tools/evaluate/nearest.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/random.h"
#include "tests/train/fixtures.h"
#include "train/data/dataset.h"

using namespace ebm;
using namespace ebm::test;

namespace {

ImageSet random_images(int64_t count, uint64_t seed) {
  ImageSet set{count, 4, 4, 1, {}, {}};
  for (int64_t i = 0; i < count * 16; ++i)
    set.pixels.push_back(static_cast<uint8_t>(255 * uniform1({seed, Stream::sample}, static_cast<uint64_t>(i))));
  return set;
}

std::vector<float> floats(const ImageSet& set) {
  std::vector<float> x;
  for (const uint8_t pixel : set.pixels) x.push_back(to_float(pixel));
  return x;
}

}  // namespace

TEST_CASE("neighbours are those of a plain search in double precision") {
  const ImageSet references = random_images(4500, 1);  // more than two blocks
  const std::vector<float> x = floats(references), queries = floats(random_images(501, 2));
  const Neighbours found = nearest_images(queries, references, 3);
  REQUIRE(found.index.size() == 501 * 3);
  for (int64_t i = 0; i < 501; i += 50) {
    std::vector<double> all;
    for (int64_t r = 0; r < references.count; ++r) {
      double sum = 0;
      for (int64_t p = 0; p < 16; ++p) sum += std::pow(static_cast<double>(queries[i * 16 + p]) - x[r * 16 + p], 2);
      all.push_back(std::sqrt(sum));
    }
    for (int64_t j = 0; j < 3; ++j)
      CHECK(found.distance[i * 3 + j] == doctest::Approx(all[found.index[i * 3 + j]]).epsilon(1e-12));
    std::sort(all.begin(), all.end());
    for (int64_t j = 0; j < 3; ++j) CHECK(found.distance[i * 3 + j] == doctest::Approx(all[j]).epsilon(1e-3));
  }
}

TEST_CASE("a copy of a training image is at distance 0") {
  const ImageSet references = random_images(100, 1);
  const std::vector<float> x = floats(references);
  const Neighbours found = nearest_images(std::span(x).subspan(42 * 16, 16), references, 1);
  CHECK(found.index == std::vector<int64_t>{42});
  CHECK(found.nearest_distances() == std::vector<double>{0});
}

TEST_CASE("what cannot be compared is refused") {
  const ImageSet references = random_images(10, 1);
  CHECK(contains(error_of([&] { nearest_images(std::vector<float>(17), references, 1); }), "17 values"));
  CHECK(contains(error_of([&] { nearest_images(std::vector<float>(16), references, 11); }), "k = 11"));
  const std::vector<float> nan(16, std::numeric_limits<float>::quiet_NaN());
  CHECK(contains(error_of([&] { nearest_images(nan, references, 1); }), "NaN"));
}

TEST_CASE("quantiles lie between the values") {
  CHECK(quantile({3, 1, 2}, 0.5) == 2);
  CHECK(quantile({4, 1, 2, 3}, 0.5) == 2.5);
  CHECK(quantile({5, 1}, 0) == 1);
  CHECK(quantile({5, 1}, 1) == 5);
  CHECK(quantile({5, 1}, 0.25) == 2);
  CHECK_THROWS_AS(quantile({}, 0.5), Error);
}
