#include "tools/evaluate/image_scores.h"

#include <doctest/doctest.h>

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

TEST_CASE("ssim refuses images below its window") {
  const std::vector<uint8_t> small(100);
  CHECK(contains(error_of([&] { ssim(small, small, {10, 10, 1}); }), "10x10"));
  CHECK(contains(error_of([&] { ssim(small, small, {11, 11, 1}); }), "100 and 100"));
}
