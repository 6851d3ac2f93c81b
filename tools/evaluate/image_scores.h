// Scores of an image against the one it should be: reconstruction, completion. Both in 8-bit levels.
#pragma once

#include <cstdint>
#include <span>

#include "core/image_shape.h"

namespace ebm {

// Peak signal-to-noise ratio, 10·log10(255² / mean squared difference) in dB; infinite for equal images.
double psnr(std::span<const uint8_t> a, std::span<const uint8_t> b);

// Structural similarity, Wang et al. (2004): Gaussian window of 11×11 and σ = 1.5, K1 = 0.01, K2 = 0.03, mean
// over the windows that lie inside the image and over channels. 1 for equal images. Images (H, W, C); throws
// Error for images smaller than the window.
double ssim(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape);

}  // namespace ebm
