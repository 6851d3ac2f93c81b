#include "tools/ebm_evaluate_completion.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/completion.h"
#include "tools/evaluate/results.h"
#include "tools/progress.h"
#include "train/data/mask.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr int64_t kDraws = 5, kColumns = 10;
constexpr size_t kDrawnRows = 2;

size_t drawn_rows(const CompletionEvaluation& result) { return std::min(kDrawnRows, result.drawn.size()); }

// Every row's completions, some of the drawn ones, and the true images, ten of them wide.
Picture picture_of(std::span<const float> images, std::span<const uint8_t> holes, const CompletionEvaluation& result,
                   ImageShape image) {
  const int64_t columns = std::min<int64_t>(kColumns, static_cast<int64_t>(images.size()) / image.elements());
  std::vector<float> cells;
  const auto add = [&](std::span<const float> inside) {  // the image with this in its hole
    for (int64_t i = 0; i < columns * image.elements(); ++i) {
      const bool hole = holes[static_cast<size_t>(i / image.channels)] != 0;
      cells.push_back(hole ? inside[static_cast<size_t>(i)] : images[static_cast<size_t>(i)]);
    }
  };
  for (const CompletionEvaluation::Row& row : result.rows) add(row.images);
  for (size_t i = 0; i < drawn_rows(result); ++i) add(result.drawn[i]);
  add(images);
  const size_t rows = result.rows.size() + drawn_rows(result) + 1;
  return image_grid(cells, image, static_cast<int64_t>(rows), columns, kPictureScale);
}

std::string text_of(const MeanOfSome& score) { return score.images > 0 ? fmt::format("{:.3f}", score.mean) : "-"; }
double value_of(const MeanOfSome& score) { return score.images > 0 ? score.mean : NAN; }

}  // namespace

void evaluate_completion(const Trainer& model, const CompletionFlags& flags) {
  check_writable(flags.json);
  check_writable(flags.png);
  const Settings& s = model.settings();
  const ImageShape image = model.abilities().image;
  const Dataset test = load_own_data(model, flags.data, Split::test);
  EBM_CHECK(flags.n <= test.count(), "--n", std::to_string(flags.n),
            fmt::format("at most the {} test images", test.count()));
  const int64_t n = flags.n > 0 ? flags.n : test.count();
  const std::vector<float> images = first_images(test.images, n);
  const std::vector<uint8_t> holes = Mask(s.hole(), image).holes(flags.seed, 0, 0, n);
  const CompletionEvaluation result =
      evaluate_completions(model, images, holes, flags.steps, flags.seed, kDraws,
                           [line = OccasionalLine()](const char* what, int64_t done, int64_t all) mutable {
                             line(fmt::format("{} of {} {}", done, all, what));
                           });
  fmt::print("{} of {} at iteration {}: {} test images, hole {}, {} Langevin steps without noise\n", s.method, s.recipe,
             model.iteration(), n, s.hole(), flags.steps);
  fmt::print("{:<16} {:>10} {:>10} {:>8} | {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8}\n", "", "hole PSNR", "hole SSIM",
             "cropped", "PSNR", "SSIM", "SSIM 7x7", "raw PSNR", "SSIM", "SSIM 7x7");
  std::vector<ResultSection> sections;
  for (const CompletionEvaluation::Row& row : result.rows) {
    const CompletionScores& c = row.scores;
    fmt::print("{:<16} {:>10.2f} {:>10} {:>8} | {:>8.2f} {:>8.3f} {:>8.3f} | {:>8.2f} {:>8.3f} {:>8.3f}\n", row.name,
               c.hole_psnr, text_of(c.pasted.hole_ssim), text_of(c.pasted.hole_ssim_cropped), c.pasted.psnr,
               c.pasted.ssim, c.pasted.ssim_uniform, c.raw.psnr, c.raw.ssim, c.raw.ssim_uniform);
    constexpr const char *kPasted = "whole image, known pixels pasted", *kRaw = "whole image, the output as it is";
    sections.push_back(
        {"Completion: " + row.name,
         {{"PSNR of the hole", {c.hole_psnr}, "dB"},
          {"SSIM of the hole",
           {value_of(c.pasted.hole_ssim)},
           "Gaussian window 11, windows with their middle in the hole"},
          {"SSIM of the hole, cropped", {value_of(c.pasted.hole_ssim_cropped)}, "Gaussian window 11, the hole cut out"},
          {"PSNR, pasted", {c.pasted.psnr}, kPasted},
          {"SSIM, pasted", {c.pasted.ssim}, std::string(kPasted) + ", Gaussian window 11"},
          {"SSIM 7x7, pasted", {c.pasted.ssim_uniform}, std::string(kPasted) + ", uniform window 7"},
          {"PSNR, raw", {c.raw.psnr}, kRaw},
          {"SSIM, raw", {c.raw.ssim}, std::string(kRaw) + ", Gaussian window 11"},
          {"SSIM 7x7, raw", {c.raw.ssim_uniform}, std::string(kRaw) + ", uniform window 7"}}});
  }
  if (result.diversity) {
    const CompletionDiversity& d = *result.diversity;
    fmt::print(
        "{} drawn completions each: deviation of a pixel in the hole {:.1f} of 255; hole PSNR {:.2f} dB in the mean, "
        "{:.2f} of the best of {}\n",
        d.completions, d.deviation, d.mean_hole_psnr, d.best_hole_psnr, d.completions);
    sections.push_back({"Drawn completions",
                        {{"deviation in the hole", {d.deviation}, "of a value, over completions, in levels of 255"},
                         {"PSNR of the hole, mean", {d.mean_hole_psnr}, "dB"},
                         {fmt::format("PSNR of the hole, best of {}", d.completions), {d.best_hole_psnr}, "dB"}}});
  }
  if (!test.note.empty()) fmt::print("note: {}\n", test.note);
  write_png(flags.png, picture_of(images, holes, result, image));
  write_results(flags.json, sections);
  fmt::print("{}: rows ", flags.png.string());
  for (const CompletionEvaluation::Row& row : result.rows) fmt::print("{}, ", row.name);
  for (size_t i = 0; i < drawn_rows(result); ++i) fmt::print("drawn, ");
  fmt::print("truth\n");
}

}  // namespace ebm
