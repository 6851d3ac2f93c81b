#include "tools/evaluate/image_scores.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

std::vector<uint8_t> noise(size_t pixels, uint64_t seed) {
  std::vector<uint8_t> image(pixels);
  for (size_t i = 0; i < pixels; ++i) image[i] = static_cast<uint8_t>(256 * uniform1({seed, Stream::sample}, i));
  return image;
}

// The paper's formula with its two-dimensional window, one channel.
double direct_ssim(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, int height, int width) {
  const double c1 = 6.5025, c2 = 58.5225;  // (0.01·255)², (0.03·255)²
  double sum = 0;
  for (int top = 0; top + 11 <= height; ++top) {
    for (int left = 0; left + 11 <= width; ++left) {
      double weights = 0, ma = 0, mb = 0, vaa = 0, vbb = 0, vab = 0;
      for (const bool centred : {false, true}) {
        if (centred) ma /= weights, mb /= weights;
        for (int y = 0; y < 11; ++y) {
          for (int x = 0; x < 11; ++x) {
            const double w = std::exp(-((y - 5) * (y - 5) + (x - 5) * (x - 5)) / 4.5);  // 2·1.5²
            const size_t i = static_cast<size_t>((top + y) * width + left + x);
            if (!centred) weights += w, ma += w * a[i], mb += w * b[i];
            if (centred) vaa += w * (a[i] - ma) * (a[i] - ma), vbb += w * (b[i] - mb) * (b[i] - mb);
            if (centred) vab += w * (a[i] - ma) * (b[i] - mb);
          }
        }
      }
      sum += (2 * ma * mb + c1) * (2 * vab / weights + c2) / ((ma * ma + mb * mb + c1) * ((vaa + vbb) / weights + c2));
    }
  }
  return sum / ((height - 10) * (width - 10));
}

}  // namespace

TEST_CASE("psnr by hand") {
  CHECK(psnr(std::vector<uint8_t>{0, 0}, std::vector<uint8_t>{255, 255}) == doctest::Approx(0));
  CHECK(psnr(std::vector<uint8_t>{10, 20, 30, 40}, std::vector<uint8_t>{11, 20, 29, 42}) ==
        doctest::Approx(10 * std::log10(65025 / 1.5)).epsilon(1e-12));
  CHECK(std::isinf(psnr(std::vector<uint8_t>{3}, std::vector<uint8_t>{3})));
  CHECK(contains(error_of([] { psnr(std::vector<uint8_t>{3}, std::vector<uint8_t>{3, 4}); }), "1 and 2"));
}

TEST_CASE("ssim of equal images is 1, of two constant ones what their means make it") {
  const std::vector<uint8_t> image = noise(13 * 12, 1);
  CHECK(ssim(image, image, {13, 12, 1}) == doctest::Approx(1).epsilon(1e-12));
  const std::vector<uint8_t> dark(144, 50), light(144, 200);
  CHECK(ssim(dark, light, {12, 12, 1}) ==
        doctest::Approx((2 * 50 * 200 + 6.5025) / (50 * 50 + 200 * 200 + 6.5025)).epsilon(1e-9));
}

TEST_CASE("ssim is the paper's formula") {
  const std::vector<uint8_t> a = noise(14 * 12, 1);
  std::vector<uint8_t> b = noise(14 * 12, 2);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<uint8_t>((3 * a[i] + b[i]) / 4);
  const double expected = direct_ssim(a, b, 14, 12);
  CHECK(ssim(a, b, {14, 12, 1}) == doctest::Approx(expected).epsilon(1e-9));
  CHECK(expected < 0.99);
  // colour: the mean over channels, here (a, b), (a, a) and (b, a)
  std::vector<uint8_t> left, right;
  for (size_t i = 0; i < a.size(); ++i) {
    left.insert(left.end(), {a[i], a[i], b[i]});
    right.insert(right.end(), {b[i], a[i], a[i]});
  }
  CHECK(ssim(left, right, {14, 12, 3}) == doctest::Approx((2 * expected + 1) / 3).epsilon(1e-9));
}

TEST_CASE("ssim as NumPy computes it, by both windows") {
  std::vector<uint8_t> a, b, near;  // (12, 13, 3)
  for (int y = 0; y < 12; ++y) {
    for (int x = 0; x < 13; ++x) {
      for (int c = 0; c < 3; ++c) {
        a.push_back(static_cast<uint8_t>((17 * y + 5 * x * x + 40 * c) % 256));
        b.push_back(static_cast<uint8_t>((13 * y * x + 9 * x + 90 * c) % 256));
        near.push_back(static_cast<uint8_t>(std::min(255, a.back() + (7 * y + 3 * x + c) % 23)));
      }
    }
  }
  const ImageShape shape{12, 13, 3};
  CHECK(ssim(a, b, shape, SsimWindow::gaussian) == doctest::Approx(0.134271502482).epsilon(1e-9));
  CHECK(ssim(a, b, shape, SsimWindow::uniform) == doctest::Approx(0.044321737308).epsilon(1e-9));
  CHECK(ssim(a, near, shape, SsimWindow::gaussian) == doctest::Approx(0.992936833232).epsilon(1e-9));
  CHECK(ssim(a, near, shape, SsimWindow::uniform) == doctest::Approx(0.992601399288).epsilon(1e-9));
  CHECK(ssim(a, a, shape, SsimWindow::uniform) == doctest::Approx(1).epsilon(1e-12));
}

TEST_CASE("ssim of a region: the windows that have their middle in it") {
  const ImageShape shape{14, 12, 1};
  const std::vector<uint8_t> a = noise(14 * 12, 1), b = noise(14 * 12, 2);
  std::vector<uint8_t> region(14 * 12, 0);
  region[7 * 12 + 6] = 1;
  region[0] = 1;  // no window has its middle there
  const double one = ssim(cropped(a, shape, {2, 1, 11, 11}), cropped(b, shape, {2, 1, 11, 11}), {11, 11, 1});
  CHECK(*region_ssim(a, b, shape, region) == doctest::Approx(one).epsilon(1e-9));
  region[5 * 12 + 5] = 1;
  const double other = ssim(cropped(a, shape, {0, 0, 11, 11}), cropped(b, shape, {0, 0, 11, 11}), {11, 11, 1});
  CHECK(*region_ssim(a, b, shape, region) == doctest::Approx((one + other) / 2).epsilon(1e-9));
  region.assign(region.size(), 0);
  region[0] = 1;
  CHECK(!region_ssim(a, b, shape, region).has_value());
}

TEST_CASE("scores of a region: its pixels alone, and the rectangle around it") {
  const ImageShape shape{3, 4, 2};
  const std::vector<uint8_t> region{0, 0, 0, 0,  //
                                    0, 1, 0, 0,  //
                                    0, 0, 1, 0};
  std::vector<uint8_t> a(24), b(24, 200);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint8_t>(i);
  for (const size_t i : {10, 11, 20, 21}) b[i] = static_cast<uint8_t>(i);  // those of the region
  CHECK(std::isinf(psnr(a, b, shape, region)));
  b[10] = 13, b[21] = 20;
  CHECK(psnr(a, b, shape, region) == doctest::Approx(10 * std::log10(65025 / 2.5)).epsilon(1e-12));
  CHECK(psnr(a, b, shape, std::vector<uint8_t>(12, 1)) == psnr(a, b));

  CHECK(bounding_box(region, shape) == Box{1, 1, 2, 2});
  CHECK(cropped(a, shape, {1, 1, 2, 2}) == std::vector<uint8_t>{10, 11, 12, 13, 18, 19, 20, 21});
  CHECK(cropped(a, shape, {0, 0, 3, 4}) == a);
  CHECK_THROWS_AS(cropped(a, shape, {1, 1, 2, 4}), Error);
  const std::vector<uint8_t> none(12, 0);
  CHECK(contains(error_of([&] { bounding_box(none, shape); }), "an empty region"));
  CHECK(contains(error_of([&] { psnr(a, b, shape, none); }), "an empty region"));
  CHECK(contains(error_of([&] { psnr(a, b, shape, std::vector<uint8_t>(11, 1)); }), "a region of 11 pixels"));
}

TEST_CASE("ssim refuses images below its window") {
  const std::vector<uint8_t> small(100);
  CHECK(ssim(small, small, {10, 10, 1}, SsimWindow::uniform) == doctest::Approx(1));
  CHECK(contains(error_of([&] {
                   ssim(std::vector<uint8_t>(42), std::vector<uint8_t>(42), {6, 7, 1}, SsimWindow::uniform);
                 }),
                 "at least 7x7"));
  CHECK(contains(error_of([&] { ssim(small, small, {10, 10, 1}); }), "10x10"));
  CHECK(contains(error_of([&] { ssim(small, small, {11, 11, 1}); }), "100 and 100"));
}
