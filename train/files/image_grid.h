// Float images laid out on one picture, for sample sheets and before/after pairs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "train/files/image_set.h"

namespace ebm {

// One 8-bit picture.
struct Picture {
  ImageShape shape;             // 1 or 3 channels
  std::vector<uint8_t> pixels;  // (H, W, C)
};

inline constexpr int64_t kGridPadding = 2;  // pixels around every image, black, not scaled

// The first rows * cols images of (N, H, W, C) host data in [-1, 1], row by row, each pixel drawn
// `scale` by `scale`. Values outside [-1, 1] are clamped; cells past N stay black. Throws Error on
// sizes that do not fit and on NaN, which must not pass for a picture.
Picture image_grid(std::span<const float> images, ImageShape shape, int64_t rows, int64_t cols, int64_t scale = 1);

// Two pictures of one height and channel count, with a white bar between them.
Picture side_by_side(const Picture& left, const Picture& right);

// image_file.h's write_png for a Picture.
void write_png(const std::filesystem::path& path, const Picture& picture);

}  // namespace ebm
