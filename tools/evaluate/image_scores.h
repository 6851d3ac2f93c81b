// Scores of an image against the one it should be: reconstruction, completion. Both in 8-bit levels. A region of an image
// is (H, W), 1 where it is and 0 elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/image_shape.h"

namespace ebm {

// Peak signal-to-noise ratio, 10·log10(255² / mean squared difference) in dB; infinite for equal images.
double psnr(std::span<const uint8_t> a, std::span<const uint8_t> b);
// Of the region's pixels alone, images (H, W, C). Throws Error for a region without any.
double psnr(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape, std::span<const uint8_t> region);

// What structural similarity looks through; the number is its edge in pixels.
enum class SsimWindow : int64_t {
  gaussian = 11,  // σ = 1.5, Wang et al. (2004)
  uniform = 7,    // variances over 48 for 49 pixels: scikit-image's default, which most Python code reports
};

// Structural similarity, Wang et al. (2004): K1 = 0.01, K2 = 0.03, mean over the windows that lie inside the image and over
// channels. 1 for equal images. Images (H, W, C); throws Error for images smaller than the window.
double ssim(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape,
            SsimWindow window = SsimWindow::gaussian);
// Mean over the windows whose middle lies in the region, instead of all; nothing where there is none. They reach beyond the
// region, so that its border counts too; cropped() leaves those out that do.
std::optional<double> region_ssim(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape,
                                  std::span<const uint8_t> region, SsimWindow window = SsimWindow::gaussian);

// A rectangle of an image, in pixels.
struct Box {
  int64_t top = 0, left = 0, height = 0, width = 0;

  bool operator==(const Box&) const = default;
};
// The smallest that holds the region. Throws Error for a region without pixels.
Box bounding_box(std::span<const uint8_t> region, ImageShape shape);
// That part of an image (H, W, C), as an image of its own (height, width, C).
std::vector<uint8_t> cropped(std::span<const uint8_t> image, ImageShape shape, Box box);

}  // namespace ebm
