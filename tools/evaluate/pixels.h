// Images of a model as the 8-bit pixels that are scored: published protocols clip and round samples before
// they compute features.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace ebm {

// x (N, H, W, C) in [-1, 1] to levels 0..255, clipped and rounded. Throws Error for NaN, naming the image as
// `what`, as in "sample", and by first_image + its place.
std::vector<uint8_t> to_levels(const Tensor& x, const char* what, int64_t first_image);
// The same of n images on the host.
std::vector<uint8_t> to_levels(std::span<const float> values, int64_t n, const char* what, int64_t first_image);

// Levels back to values in [-1, 1].
std::vector<float> from_levels(std::span<const uint8_t> levels);

}  // namespace ebm
