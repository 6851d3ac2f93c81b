#include "train/files/image_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "train/files/image_file.h"

namespace ebm {
namespace {

constexpr int64_t kBarWidth = 4;
constexpr int64_t kMaxGridEdge = 1 << 15;

// [-1, 1] -> 0..255, the inverse of x / 127.5 - 1.
uint8_t to_byte(float x) { return static_cast<uint8_t>(std::lround((std::clamp(x, -1.0f, 1.0f) + 1.0f) * 127.5f)); }

}  // namespace

Picture image_grid(std::span<const float> images, ImageShape shape, int64_t rows, int64_t cols, int64_t scale) {
  constexpr const char* kOp = "image_grid";
  EBM_CHECK(shape.height > 0 && shape.width > 0 && (shape.channels == 1 || shape.channels == 3) &&
                shape.height <= kMaxGridEdge && shape.width <= kMaxGridEdge,
            kOp, fmt::format("images of {}x{}x{}", shape.height, shape.width, shape.channels),
            "a height, a width, and 1 or 3 channels");
  const int64_t per_image = shape.elements();
  const int64_t values = static_cast<int64_t>(images.size());
  EBM_CHECK(values % per_image == 0, kOp, fmt::format("{} values", values),
            fmt::format("whole images of {} values", per_image));
  EBM_CHECK(rows > 0 && cols > 0 && scale > 0 && rows <= kMaxGridEdge && cols <= kMaxGridEdge && scale <= kMaxGridEdge,
            kOp, fmt::format("{} rows, {} cols, scale {}", rows, cols, scale), "positive numbers");
  const int64_t cell_height = shape.height * scale + kGridPadding;
  const int64_t cell_width = shape.width * scale + kGridPadding;
  Picture grid{{rows * cell_height + kGridPadding, cols * cell_width + kGridPadding, shape.channels}, {}};
  EBM_CHECK(grid.shape.height <= kMaxGridEdge && grid.shape.width <= kMaxGridEdge, kOp,
            fmt::format("a grid of {}x{} pixels", grid.shape.height, grid.shape.width),
            fmt::format("edges of at most {}", kMaxGridEdge));
  grid.pixels.assign(static_cast<size_t>(grid.shape.elements()), 0);

  const int64_t shown = std::min(values / per_image, rows * cols);
  for (int64_t n = 0; n < shown; ++n) {
    const float* image = images.data() + n * per_image;  // (H, W, C)
    const int64_t top = n / cols * cell_height + kGridPadding;
    const int64_t left = n % cols * cell_width + kGridPadding;
    for (int64_t y = 0; y < shape.height * scale; ++y) {
      uint8_t* out = grid.pixels.data() + ((top + y) * grid.shape.width + left) * shape.channels;
      for (int64_t x = 0; x < shape.width * scale; ++x) {
        const float* pixel = image + (y / scale * shape.width + x / scale) * shape.channels;
        for (int64_t c = 0; c < shape.channels; ++c) {
          EBM_CHECK(!std::isnan(pixel[c]), kOp, fmt::format("NaN in image {}", n), "numbers");
          *out++ = to_byte(pixel[c]);
        }
      }
    }
  }
  return grid;
}

Picture side_by_side(const Picture& left, const Picture& right) {
  EBM_CHECK(left.shape.height == right.shape.height && left.shape.channels == right.shape.channels, "side_by_side",
            fmt::format("heights {} and {}, channels {} and {}", left.shape.height, right.shape.height,
                        left.shape.channels, right.shape.channels),
            "one height and one channel count");
  const ImageShape shape{left.shape.height, left.shape.width + kBarWidth + right.shape.width, left.shape.channels};
  Picture both{shape, std::vector<uint8_t>(static_cast<size_t>(shape.elements()), 255)};
  const auto paste = [&](const Picture& part, int64_t column) {
    const int64_t row_bytes = part.shape.width * shape.channels;
    for (int64_t y = 0; y < shape.height; ++y) {
      std::copy_n(part.pixels.data() + y * row_bytes, row_bytes,
                  both.pixels.data() + (y * shape.width + column) * shape.channels);
    }
  };
  paste(left, 0);
  paste(right, left.shape.width + kBarWidth);
  return both;
}

void write_png(const std::filesystem::path& path, const Picture& picture) {
  write_png(path, picture.pixels, picture.shape);
}

}  // namespace ebm
