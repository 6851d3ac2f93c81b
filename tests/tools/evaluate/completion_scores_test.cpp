#include "tools/evaluate/completion_scores.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/random.h"
#include "tests/train/fixtures.h"
#include "tools/evaluate/image_scores.h"
#include "tools/evaluate/pixels.h"
#include "train/data/mask.h"

using namespace ebm;
using namespace ebm::test;

namespace {

constexpr ImageShape kImage{24, 26, 3};
constexpr int64_t kPixels = 24 * 26, kValues = 3 * kPixels;

// n images (n, 24, 26, 3), some of their values beyond [-1, 1].
std::vector<float> noise(int64_t n, uint64_t seed) {
  std::vector<float> x(static_cast<size_t>(n * kValues));
  for (size_t i = 0; i < x.size(); ++i) x[i] = 2.2f * uniform1({seed, Stream::sample}, i) - 1.1f;
  return x;
}

// Levels of image i of n.
std::vector<uint8_t> levels(const std::vector<float>& x, int64_t i, int64_t n) {
  const std::vector<uint8_t> all = to_levels(x, n, "", 0);
  return {all.begin() + i * kValues, all.begin() + (i + 1) * kValues};
}

}  // namespace

TEST_CASE("completion scores are those of each image, and their mean") {
  const std::vector<float> truth = noise(2, 1), output = noise(2, 2);
  std::vector<uint8_t> holes = Mask("center:0.5", kImage).hole(0, 0, 0);
  for (const uint8_t pixel : Mask("left", kImage).hole(0, 0, 0)) holes.push_back(pixel);
  const CompletionScores scores = score_completions(truth, output, holes, kImage);
  CHECK(scores.images == 2);

  CompletionScores::Picture raw, pasted;
  double hole_psnr = 0, cropped_ssim = 0;
  const Box boxes[] = {{6, 6, 12, 13}, {0, 0, 24, 13}};
  for (int64_t i = 0; i < 2; ++i) {
    const std::vector<uint8_t> a = levels(truth, i, 2), b = levels(output, i, 2);
    const std::span<const uint8_t> hole = std::span(holes).subspan(static_cast<size_t>(i * kPixels), kPixels);
    std::vector<uint8_t> together = a;
    for (size_t j = 0; j < together.size(); ++j)
      if (hole[j / 3]) together[j] = b[j];
    raw.psnr += psnr(a, b) / 2, pasted.psnr += psnr(a, together) / 2;
    raw.ssim += ssim(a, b, kImage) / 2, pasted.ssim += ssim(a, together, kImage) / 2;
    raw.ssim_uniform += ssim(a, b, kImage, SsimWindow::uniform) / 2;
    pasted.ssim_uniform += ssim(a, together, kImage, SsimWindow::uniform) / 2;
    hole_psnr += psnr(a, b, kImage, hole) / 2;
    const Box box = boxes[i];
    raw.hole_ssim.mean += *region_ssim(a, b, kImage, hole) / 2;
    pasted.hole_ssim.mean += *region_ssim(a, together, kImage, hole) / 2;
    cropped_ssim += ssim(cropped(a, kImage, box), cropped(b, kImage, box), {box.height, box.width, 3}) / 2;
  }
  CHECK(scores.hole_psnr == doctest::Approx(hole_psnr).epsilon(1e-12));
  CHECK(scores.raw.psnr == doctest::Approx(raw.psnr).epsilon(1e-12));
  CHECK(scores.raw.ssim == doctest::Approx(raw.ssim).epsilon(1e-12));
  CHECK(scores.raw.ssim_uniform == doctest::Approx(raw.ssim_uniform).epsilon(1e-12));
  CHECK(scores.pasted.psnr == doctest::Approx(pasted.psnr).epsilon(1e-12));
  CHECK(scores.pasted.ssim == doctest::Approx(pasted.ssim).epsilon(1e-12));
  CHECK(scores.pasted.ssim_uniform == doctest::Approx(pasted.ssim_uniform).epsilon(1e-12));
  CHECK(scores.raw.hole_ssim.images == 2);
  CHECK(scores.raw.hole_ssim.mean == doctest::Approx(raw.hole_ssim.mean).epsilon(1e-12));
  CHECK(scores.pasted.hole_ssim.mean == doctest::Approx(pasted.hole_ssim.mean).epsilon(1e-12));
  CHECK(std::abs(scores.pasted.hole_ssim.mean - scores.raw.hole_ssim.mean) > 1e-3);
  CHECK(scores.raw.hole_ssim_cropped.images == 2);
  CHECK(scores.raw.hole_ssim_cropped.mean == doctest::Approx(cropped_ssim).epsilon(1e-12));
  CHECK(scores.pasted.hole_ssim_cropped.mean == doctest::Approx(cropped_ssim).epsilon(1e-12));  // holes are rectangles
}

TEST_CASE("completion scores: a quarter of the image, pasted, is 6.02 dB above its hole") {
  const std::vector<uint8_t> hole = Mask("center:0.5", {24, 24, 1}).hole(0, 0, 0);
  const std::vector<float> truth(576, -0.5f), output(576, 0.25f);
  const CompletionScores scores = score_completions(truth, output, hole, {24, 24, 1});
  CHECK(scores.pasted.psnr - scores.hole_psnr == doctest::Approx(10 * std::log10(4)).epsilon(1e-9));
  CHECK(scores.raw.psnr == doctest::Approx(scores.hole_psnr));
}

TEST_CASE("completion scores: an image has no SSIM of a hole where no window fits, and JSON says null") {
  const std::vector<float> truth = noise(2, 1), output = noise(2, 2);
  std::vector<uint8_t> holes(2 * kPixels, 0);
  holes[30] = holes[kPixels + 30] = 1;  // at the border, where no window has its middle
  CompletionScores scores = score_completions(truth, output, holes, kImage);
  CHECK(scores.raw.hole_ssim.images == 0);
  CHECK(scores.raw.hole_ssim_cropped.images == 0);

  // one small hole and one large: the large one's
  const std::vector<uint8_t> large = Mask("center:0.5", kImage).hole(0, 0, 0);
  std::copy(large.begin(), large.end(), holes.begin() + kPixels);
  scores = score_completions(truth, output, holes, kImage);
  const CompletionScores alone =
      score_completions(std::span(truth).subspan(kValues), std::span(output).subspan(kValues), large, kImage);
  CHECK(scores.raw.hole_ssim.images == 1);
  CHECK(scores.raw.hole_ssim_cropped.images == 1);
  CHECK(scores.raw.hole_ssim.mean == alone.raw.hole_ssim.mean);
  CHECK(scores.pasted.hole_ssim_cropped.mean == alone.pasted.hole_ssim_cropped.mean);
  CHECK(scores.raw.hole_ssim.images == 1);
}

TEST_CASE("diversity by hand: two images of two pixels, three completions") {
  const auto values = [](std::vector<uint8_t> levels) { return from_levels(levels); };
  const std::vector<float> truth = values({100, 10, 50, 60});
  const std::vector<uint8_t> holes{1, 0, 1, 1};
  const std::vector<std::vector<float>> completions{values({100 + 1, 0, 50, 62}), values({100 + 3, 99, 50, 62}),
                                                    values({100 + 5, 0, 53, 62})};
  const CompletionDiversity d = score_diversity(truth, completions, holes, {1, 2, 1});
  CHECK(d.completions == 3);
  CHECK(d.deviation == doctest::Approx((2 + (std::sqrt(3.0) + 0) / 2) / 2).epsilon(1e-9));
  const auto decibels = [](double mean_square) { return 10 * std::log10(65025 / mean_square); };
  CHECK(d.best_hole_psnr == doctest::Approx((decibels(1) + decibels(2)) / 2).epsilon(1e-9));
  CHECK(
      d.mean_hole_psnr ==
      doctest::Approx((decibels(1) + decibels(9) + decibels(25) + 2 * decibels(2) + decibels(6.5)) / 6).epsilon(1e-9));
  CHECK(score_diversity(truth, std::vector{completions[0], completions[0]}, holes, {1, 2, 1}).deviation == 0);
}

TEST_CASE("completion scores refuse what does not fit") {
  std::vector<float> truth = noise(2, 1), output = noise(2, 2);
  const std::vector<uint8_t> holes(2 * kPixels, 1);
  CHECK(contains(error_of([&] { score_completions(truth, noise(1, 2), holes, kImage); }),
                 "3744 values, 1872 of the output and holes of 1248 pixels"));
  CHECK(contains(error_of([&] { score_completions(truth, output, std::vector<uint8_t>(kPixels), kImage); }),
                 "holes of 624 pixels, expected images of 24x26x3, as many outputs and a hole of each"));
  CHECK(contains(error_of([&] { score_completions(truth, output, std::vector<uint8_t>(2 * kPixels), kImage); }),
                 "an empty region"));
  CHECK(contains(error_of([&] { score_diversity(truth, std::vector<std::vector<float>>{output}, holes, kImage); }),
                 "1 completions"));
  output[kValues] = NAN;
  CHECK(contains(error_of([&] { score_completions(truth, output, holes, kImage); }), "NaN in completion 1"));
}
