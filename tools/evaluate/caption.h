// Numbers on pictures: a font of 3 by 5 pixels, drawn here, for grids whose images need a value beneath them.
#pragma once

#include <span>
#include <string>

#include "train/files/image_grid.h"

namespace ebm {

inline constexpr int64_t kCaptionScale = 2;      // screen pixels of a font pixel
inline constexpr int64_t kCaptionCharacter = 4;  // font pixels from one character to the next

// A strip as wide as a grid of `cell_width`-pixel images (train/files/image_grid.h), with a text centred under each
// column; texts that are too wide for their cell are cut. channels as in the grid. Throws Error for a character that
// is none of "0123456789+-.=EtU " and would show.
Picture caption_strip(std::span<const std::string> texts, int64_t cell_width, int64_t channels);

// One below the other. Throws Error unless widths and channels agree.
Picture stacked(std::span<const Picture> pictures);

}  // namespace ebm
