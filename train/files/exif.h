// Which way a camera was held: JPEG files keep it beside the pixels.
#pragma once

#include <cstddef>
#include <span>

namespace ebm {

// Where an upright image's pixel (y, x) is stored: at (x, y) where transposed, else at (y, x), counted from the last row
// or the last column where these are reversed.
struct Orientation {
  bool transposed = false, rows_reversed = false, columns_reversed = false;
};

// The orientation tag of a JPEG's EXIF segment (EXIF 2.3, tag 0x0112); upright where there is none, or where the segment
// is damaged.
Orientation exif_orientation(std::span<const std::byte> file);

}  // namespace ebm
