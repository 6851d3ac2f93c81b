#include "kernels/random_fill.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/scalars.h"
#include "tests/test_device.h"

namespace ebm {
namespace {

const RandomKey kKey{5, Stream::latent, 6, 7};

Tensor normals(int64_t n, uint64_t first = 0) {
  Tensor x = Tensor::empty({n}, test_device());
  fill_normal(x, kKey, 0, 1, first);
  return x;
}

}  // namespace

TEST_CASE("normal draws have the moments of N(0, 1)") {
  const int64_t n = 1'000'000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (float v : normals(n).to_host()) m1 += v, m2 += v * v, m3 += v * v * v, m4 += std::pow(v, 4);
  CHECK(std::abs(m1 / n) < 5 / std::sqrt(n));
  CHECK(std::abs(m2 / n - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(m3 / n) < 5 * std::sqrt(15.0 / n));
  CHECK(std::abs(m4 / n - 3) < 5 * std::sqrt(96.0 / n));
}

TEST_CASE("a part of a tensor draws what the whole would have drawn there") {
  const auto whole = normals(103).to_host();
  for (int64_t first : {0, 1, 2, 3, 4, 50, 99}) {
    const auto part = normals(4, first).to_host();
    for (int64_t i = 0; i < 4; ++i) CHECK(part[i] == whole[first + i]);
  }
}

TEST_CASE("an offset in the device's memory shifts iteration, step and place") {
  Scalars scalars(test_device());
  const int place = scalars.add_offset(), stddev = scalars.add();
  scalars.set_offset(place, {4, 5, 3});
  scalars.set(stddev, 1.0f);
  scalars.upload();
  Tensor x = Tensor::empty({9}, test_device());
  fill_normal(x, {5, Stream::latent, 2, 2, scalars.offset(place)}, 0, scalars.scalar(stddev), 1);
  CHECK(x.to_host() == normals(9, 1 + 4 * 3).to_host());  // kKey is iteration 6, step 7
  const Tensor ones = Tensor::from_host(std::vector<float>(40, 1.0f), {40}, test_device());
  CHECK(dropout(ones, 0.5f, {5, Stream::latent, 2, 2, scalars.offset(place)}).to_host() ==
        dropout(ones, 0.5f, kKey, 4 * 3).to_host());
}

TEST_CASE("draws do not depend on the number of threads") {
  const auto all = normals(100'001).to_host();
  set_num_threads(1);
  const auto one = normals(100'001).to_host();
  set_num_threads(0);
  CHECK(all == one);
}

TEST_CASE("uniform and Bernoulli draws keep to their ranges and rates") {
  Tensor x = Tensor::empty({100'000}, test_device());
  fill_uniform(x, kKey, -2, 3);
  double sum = 0;
  for (float v : x.to_host()) {
    REQUIRE(v >= -2);
    REQUIRE(v <= 3);
    sum += v;
  }
  CHECK(sum / x.size() == doctest::Approx(0.5).epsilon(0.05));
  fill_bernoulli(x, kKey, 0.3f);
  double ones = 0;
  for (float v : x.to_host()) {
    REQUIRE((v == 0.0f || v == 1.0f));
    ones += v;
  }
  CHECK(ones / x.size() == doctest::Approx(0.3).epsilon(0.03));
}

TEST_CASE("dropout keeps the mean and draws its mask from the key") {
  Tensor x = Tensor::from_host(std::vector<float>(100'000, 1.0f), {100'000}, test_device());
  const auto y = dropout(x, 0.8f, kKey).to_host();
  double sum = 0;
  for (float v : y) {
    REQUIRE((v == 0.0f || v == 1.25f));
    sum += v;
  }
  CHECK(sum / x.size() == doctest::Approx(1).epsilon(0.02));
  CHECK(y == dropout(x, 0.8f, kKey).to_host());
  RandomKey other = kKey;
  other.step += 1;
  CHECK(y != dropout(x, 0.8f, other).to_host());
}

}  // namespace ebm
