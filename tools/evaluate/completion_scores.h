// How well holes are filled. Pixels are clipped and rounded to 8 bits first; every score is one of each image, and then the
// mean over images. Images are (N, H, W, C) in [-1, 1], holes (N, H, W) with 1 in the hole.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/image_shape.h"

namespace ebm {

// A mean over the images that have the score.
struct MeanOfSome {
  double mean = 0;     // 0 where no image has it
  int64_t images = 0;  // that do
};

struct CompletionScores {
  struct Picture {
    double psnr = 0;          // of the whole image, dB
    double ssim = 0;          // Gaussian window of 11 × 11
    double ssim_uniform = 0;  // uniform window of 7 × 7
    // Two that are both called SSIM of the hole, Gaussian window, and that differ much. Of the windows of the image
    // whose middle lies in the hole: those at its border see known pixels.
    MeanOfSome hole_ssim;
    // Of the rectangle around the hole, cut out of the image: nothing outside it is seen. Images whose rectangle is smaller
    // than the window have none.
    MeanOfSome hole_ssim_cropped;
  };
  int64_t images = 0;
  double hole_psnr = 0;  // of the hole's pixels alone, dB: the same raw and pasted
  Picture raw;           // the output as it is
  Picture pasted;        // known pixels in their place, so that the hole alone differs
};
// Infinite PSNR of an image that is met exactly makes the mean infinite. Throws Error where sizes disagree, for NaN, for a
// hole without pixels and for images below 11x11.
CompletionScores score_completions(std::span<const float> truth, std::span<const float> output,
                                   std::span<const uint8_t> holes, ImageShape image);

// How far several completions of one hole are apart, and what the best of them is worth: a model that always gives the same
// has deviation 0.
struct CompletionDiversity {
  int64_t completions = 0;
  double deviation = 0;  // standard deviation over completions (by K − 1) of a value in the hole, in 8-bit levels
  double mean_hole_psnr = 0;  // over completions, dB
  double best_hole_psnr = 0;  // of the completion of each image that comes nearest, dB
};
// completions: two or more outputs, (N, H, W, C) each. Throws Error as score_completions does.
CompletionDiversity score_diversity(std::span<const float> truth, std::span<const std::vector<float>> completions,
                                    std::span<const uint8_t> holes, ImageShape image);

}  // namespace ebm
