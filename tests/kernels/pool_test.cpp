#include "kernels/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/resize.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("pooling takes the largest value or the mean of what a window has in the image") {
  const ConvGeometry same(1, {1, 1}), halve(2, {0, 0});
  ConvGeometry uneven;
  uneven.stride_h = 2;
  uneven.stride_w = 3;
  uneven.pad_h = {0, 2};
  uneven.pad_w = {1, 0};
  const Tensor x = normal({2, 7, 9, 5}, 1);
  const std::vector<float> v = x.to_host();
  for (const ConvGeometry& g : {same, halve, uneven}) {
    const Tensor largest = max_pool2d(x, 3, g), average = average_pool2d(x, 3, g);
    const int64_t rows = (7 + g.pad_h.before + g.pad_h.after - 3) / g.stride_h + 1,
                  columns = (9 + g.pad_w.before + g.pad_w.after - 3) / g.stride_w + 1;
    REQUIRE(largest.shape() == Shape{2, rows, columns, 5});
    REQUIRE(average.shape() == largest.shape());
    const auto a = largest.to_host(), b = average.to_host();
    for (int64_t n = 0; n < 2; ++n)
      for (int64_t p = 0; p < rows; ++p)
        for (int64_t q = 0; q < columns; ++q)
          for (int64_t c = 0; c < 5; ++c) {
            std::vector<double> seen;
            for (int64_t h = p * g.stride_h - g.pad_h.before; h < p * g.stride_h - g.pad_h.before + 3; ++h)
              for (int64_t w = q * g.stride_w - g.pad_w.before; w < q * g.stride_w - g.pad_w.before + 3; ++w)
                if (h >= 0 && h < 7 && w >= 0 && w < 9) seen.push_back(v[((n * 7 + h) * 9 + w) * 5 + c]);
            double sum = 0;
            for (const double value : seen) sum += value;
            const int64_t i = ((n * rows + p) * columns + q) * 5 + c;
            CHECK(a[i] == *std::max_element(seen.begin(), seen.end()));
            CHECK(b[i] == doctest::Approx(sum / static_cast<double>(seen.size())).epsilon(1e-5));
          }
  }
  const auto means = average_pixels(x).to_host(), whole = average_pool2d(x, 7, ConvGeometry(1, {0, 0})).to_host();
  CHECK(means.size() == 10);
  for (int64_t c = 0; c < 5; ++c) {
    double sum = 0;
    for (int64_t pixel = 0; pixel < 63; ++pixel) sum += v[pixel * 5 + c];
    CHECK(means[c] == doctest::Approx(sum / 63).epsilon(1e-5));
  }
  CHECK(whole.size() == 2 * 3 * 5);
}

TEST_CASE("NaN is the largest value of its window") {
  std::vector<float> v(9, 1.0f);
  v[4] = NAN;
  CHECK(std::isnan(max_pool2d(Tensor::from_host(v, {1, 3, 3, 1}, test_device()), 3, {1, {0, 0}}).to_host()[0]));
}

TEST_CASE("a window within the border, or an image of another rank, is refused") {
  CHECK_THROWS_WITH(max_pool2d(normal({1, 4, 4, 1}, 1), 2, {1, {2, 2}}), doctest::Contains("larger than the border"));
  CHECK_THROWS_WITH(average_pool2d(normal({4, 4}, 1), 2, {1, {0, 0}}), doctest::Contains("(N,H,W,C)"));
  CHECK_THROWS_WITH(resize_bilinear(normal({4, 4}, 1), 2, 2), doctest::Contains("(N,H,W,C)"));
  CHECK_THROWS_WITH(resize_bilinear(normal({1, 4, 4, 1}, 1), 0, 2), doctest::Contains("0x2"));
}

TEST_CASE("resizing puts output pixel p at p * H / height, and repeats the last row and column") {
  const std::vector<float> two{0, 1};
  const Tensor row = Tensor::from_host(two, {1, 1, 2, 1}, test_device());
  CHECK(resize_bilinear(row, 1, 4).to_host() == std::vector<float>{0, 0.5f, 1, 1});

  const Tensor x = normal({2, 5, 7, 3}, 1);
  CHECK(resize_bilinear(x, 5, 7).to_host() == x.to_host());
  const std::vector<float> v = x.to_host(), y = resize_bilinear(x, 12, 4).to_host();
  REQUIRE(y.size() == 2 * 12 * 4 * 3);
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t p = 0; p < 12; ++p)
      for (int64_t q = 0; q < 4; ++q)
        for (int64_t c = 0; c < 3; ++c) {
          const double h = static_cast<double>(p) * 5 / 12, w = static_cast<double>(q) * 7 / 4;
          double expected = 0;  // every pixel weighs by its distance to (h, w); beyond the image is its border
          for (int64_t i = 0; i <= 5; ++i)
            for (int64_t j = 0; j <= 7; ++j) {
              const double weight = std::max(0.0, 1 - std::abs(h - static_cast<double>(i))) *
                                    std::max(0.0, 1 - std::abs(w - static_cast<double>(j)));
              expected += weight * v[((n * 5 + std::min<int64_t>(i, 4)) * 7 + std::min<int64_t>(j, 6)) * 3 + c];
            }
          CHECK(y[((n * 12 + p) * 4 + q) * 3 + c] == doctest::Approx(expected).epsilon(1e-4));
        }
}

}  // namespace ebm
