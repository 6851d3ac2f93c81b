// The extents of one image.
#pragma once

#include <cstdint>

namespace ebm {

// In a request to a reader, 0 means "as the file has it".
struct ImageShape {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;

  int64_t elements() const { return height * width * channels; }
  bool operator==(const ImageShape&) const = default;
};

}  // namespace ebm
