// The kernels that flows are made of, against their definitions.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/check.h"
#include "kernels/lu_matrix.h"
#include "kernels/scale.h"
#include "kernels/space_to_depth.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("space_to_depth puts the four pixels of a block into channels, and depth_to_space takes them back") {
  const std::vector<float> pixels{0, 1, 2, 3, 4, 5, 6, 7};  // two rows of four
  const Tensor x = Tensor::from_host(pixels, {1, 2, 4, 1}, test_device());
  const Tensor y = space_to_depth(x);
  CHECK(y.shape() == Shape{1, 1, 2, 4});
  CHECK(y.to_host() == std::vector<float>{0, 1, 4, 5, 2, 3, 6, 7});
  for (const Shape& shape : {Shape{3, 6, 4, 5}, Shape{1, 2, 2, 1}}) {
    const Tensor wide = normal(shape, 1);
    CHECK(depth_to_space(space_to_depth(wide)).to_host() == wide.to_host());
  }
  CHECK_THROWS_WITH_AS(space_to_depth(normal({1, 3, 2, 1}, 1)), doctest::Contains("H and W even"), Error);
  CHECK_THROWS_WITH_AS(depth_to_space(normal({1, 2, 2, 6}, 1)), doctest::Contains("multiple of 4"), Error);
}

TEST_CASE("scale_rows and scale_channels multiply by a row's and a channel's factor") {
  const Tensor x = normal({3, 2, 4}, 1), rows = normal({3}, 2), channels = normal({4}, 3);
  const auto v = x.to_host(), r = rows.to_host(), c = channels.to_host();
  const auto by_rows = scale_rows(x, rows).to_host(), by_channels = scale_channels(x, channels).to_host();
  for (size_t i = 0; i < v.size(); ++i) {
    CHECK(by_rows[i] == v[i] * r[i / 8]);
    CHECK(by_channels[i] == v[i] * c[i % 4]);
  }
  CHECK_THROWS_AS(scale_rows(x, channels), Error);
  CHECK_THROWS_AS(scale_channels(x, rows), Error);
}

TEST_CASE("lu_matrix is the product of its factors, with rows in their places") {
  const std::vector<float> lower{9, 9, 2, 9}, log_s{0, 1}, upper{9, 3, 9, 9}, rows{1, 0}, signs{1, -1};
  const auto tensor = [](const std::vector<float>& v, const Shape& shape) {
    return Tensor::from_host(v, shape, test_device());
  };
  const Tensor w = lu_matrix(tensor(lower, {2, 2}), tensor(log_s, {2}), tensor(upper, {2, 2}),
                             {tensor(rows, {2}), tensor(signs, {2})});
  const float e = std::exp(1.0f);  // L = (1 0; 2 1), U = (1 3; 0 -e), L·U = (1 3; 2 6 - e)
  const std::vector<float> expected{2, 6 - e, 1, 3};
  const std::vector<float> got = w.to_host();
  for (size_t i = 0; i < 4; ++i) CHECK(got[i] == doctest::Approx(expected[i]));
  CHECK_THROWS_AS(lu_matrix(normal({2, 3}, 1), normal({2}, 1), normal({2, 2}, 1), {normal({2}, 1), normal({2}, 1)}),
                  Error);
}

}  // namespace ebm
