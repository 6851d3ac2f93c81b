// Fills of a hole that learn nothing: what a model's completion has to beat. Each returns the images (N, H, W, C) with the
// hole filled and the rest as it was; what stands in the hole before is not looked at. hole: (H, W), 1 in the hole, of all
// images. Throws Error where the two are of other sizes, and for a hole that leaves nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/image_shape.h"

namespace ebm {

// 0, the middle of [-1, 1].
std::vector<float> grey_fill(std::span<const float> images, ImageShape image, std::span<const uint8_t> hole);

// Along each row in a straight line from the known pixel on the left of the hole to the one on its right; where there is
// one of them, as it; grey in a row that has none.
std::vector<float> row_linear_fill(std::span<const float> images, ImageShape image, std::span<const uint8_t> hole);

// As smooth as it gets: every pixel of the hole is the mean of its neighbours above, below, left and right that lie inside
// the image. Solved directly in double precision: right to a float's rounding.
std::vector<float> harmonic_fill(std::span<const float> images, ImageShape image, std::span<const uint8_t> hole);

}  // namespace ebm
