// Decoded images on the host: what every reader in train/ returns.
#pragma once

#include <cstdint>
#include <vector>

#include "core/image_shape.h"

namespace ebm {

struct ImageSet {
  int64_t count = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  std::vector<uint8_t> pixels;  // (N, H, W, C)
  std::vector<uint8_t> labels;  // (N), or empty where the source has none

  ImageShape shape() const { return {height, width, channels}; }
  int64_t image_elements() const { return height * width * channels; }
};

}  // namespace ebm
