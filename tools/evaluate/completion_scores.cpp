#include "tools/evaluate/completion_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/check.h"
#include "tools/evaluate/image_scores.h"
#include "tools/evaluate/pixels.h"

namespace ebm {
namespace {

constexpr char kOp[] = "completion scores";

// Number of images.
int64_t check(std::span<const float> truth, std::span<const float> output, std::span<const uint8_t> holes,
              ImageShape image) {
  const int64_t n = image.elements() > 0 ? static_cast<int64_t>(truth.size()) / image.elements() : 0;
  EBM_CHECK(
      n > 0 && static_cast<int64_t>(truth.size()) == n * image.elements() && output.size() == truth.size() &&
          static_cast<int64_t>(holes.size()) == n * image.height * image.width,
      kOp, fmt::format("{} values, {} of the output and holes of {} pixels", truth.size(), output.size(), holes.size()),
      fmt::format("images of {}x{}x{}, as many outputs and a hole of each", image.height, image.width, image.channels));
  return n;
}

// Image i of (N, …) values.
template <class T>
std::span<const T> one(std::span<const T> all, int64_t i, int64_t n) {
  const size_t size = all.size() / static_cast<size_t>(n);
  return all.subspan(static_cast<size_t>(i) * size, size);
}
std::span<const uint8_t> one(const std::vector<uint8_t>& all, int64_t i, int64_t n) {
  return one(std::span(all), i, n);
}

void add(MeanOfSome& sum, double score) {
  sum.mean += score;
  ++sum.images;
}

void add_scores(CompletionScores::Picture& sums, std::span<const uint8_t> truth, std::span<const uint8_t> output,
                ImageShape image, std::span<const uint8_t> hole) {
  sums.psnr += psnr(truth, output);
  sums.ssim += ssim(truth, output, image, SsimWindow::gaussian);
  sums.ssim_uniform += ssim(truth, output, image, SsimWindow::uniform);
  if (const std::optional<double> score = region_ssim(truth, output, image, hole)) add(sums.hole_ssim, *score);
  const Box box = bounding_box(hole, image);
  if (std::min(box.height, box.width) >= static_cast<int64_t>(SsimWindow::gaussian))
    add(sums.hole_ssim_cropped,
        ssim(cropped(truth, image, box), cropped(output, image, box), {box.height, box.width, image.channels}));
}

// The means out of the sums over n images.
void divide(CompletionScores::Picture& sums, int64_t n) {
  for (double* sum : {&sums.psnr, &sums.ssim, &sums.ssim_uniform}) *sum /= static_cast<double>(n);
  for (MeanOfSome* sum : {&sums.hole_ssim, &sums.hole_ssim_cropped})
    if (sum->images > 0) sum->mean /= static_cast<double>(sum->images);
}

}  // namespace

CompletionScores score_completions(std::span<const float> truth, std::span<const float> output,
                                   std::span<const uint8_t> holes, ImageShape image) {
  CompletionScores scores;
  scores.images = check(truth, output, holes, image);
  const int64_t n = scores.images;
  const std::vector<uint8_t> x = to_levels(truth, n, "image", 0), y = to_levels(output, n, "completion", 0);
  for (int64_t i = 0; i < n; ++i) {
    const std::span<const uint8_t> a = one(x, i, n), b = one(y, i, n), hole = one(holes, i, n);
    std::vector<uint8_t> pasted(a.begin(), a.end());
    for (size_t j = 0; j < pasted.size(); ++j)
      if (hole[j / static_cast<size_t>(image.channels)]) pasted[j] = b[j];
    scores.hole_psnr += psnr(a, b, image, hole);
    add_scores(scores.raw, a, b, image, hole);
    add_scores(scores.pasted, a, pasted, image, hole);
  }
  scores.hole_psnr /= static_cast<double>(n);
  divide(scores.raw, n);
  divide(scores.pasted, n);
  return scores;
}

CompletionDiversity score_diversity(std::span<const float> truth, std::span<const std::vector<float>> completions,
                                    std::span<const uint8_t> holes, ImageShape image) {
  const auto k = static_cast<int64_t>(completions.size());
  EBM_CHECK(k >= 2, kOp, fmt::format("{} completions of each image", k), "two or more");
  CompletionDiversity diversity{.completions = k};
  std::vector<std::vector<uint8_t>> y;  // k of (N, H, W, C)
  int64_t n = 0;
  for (const std::vector<float>& completion : completions) {
    n = check(truth, completion, holes, image);
    y.push_back(to_levels(completion, n, "completion", 0));
  }
  const std::vector<uint8_t> x = to_levels(truth, n, "image", 0);
  for (int64_t i = 0; i < n; ++i) {
    const std::span<const uint8_t> a = one(x, i, n), hole = one(holes, i, n);
    double best = 0, sum = 0;
    for (const std::vector<uint8_t>& all : y) {
      const double score = psnr(a, one(all, i, n), image, hole);
      best = std::max(best, score);
      sum += score;
    }
    diversity.best_hole_psnr += best;
    diversity.mean_hole_psnr += sum / static_cast<double>(k);

    double deviations = 0;
    int64_t values = 0;
    for (size_t j = 0; j < a.size(); ++j) {
      if (!hole[j / static_cast<size_t>(image.channels)]) continue;
      double mean = 0, squares = 0;
      for (const std::vector<uint8_t>& all : y) mean += static_cast<double>(one(all, i, n)[j]) / static_cast<double>(k);
      for (const std::vector<uint8_t>& all : y) squares += std::pow(one(all, i, n)[j] - mean, 2);
      deviations += std::sqrt(squares / static_cast<double>(k - 1));
      ++values;
    }
    diversity.deviation += deviations / static_cast<double>(values);
  }
  for (double* sum : {&diversity.deviation, &diversity.mean_hole_psnr, &diversity.best_hole_psnr})
    *sum /= static_cast<double>(n);
  return diversity;
}

}  // namespace ebm
