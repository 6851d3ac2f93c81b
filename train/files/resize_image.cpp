#include "train/files/resize_image.h"

#include <fmt/format.h>
#include <stb_image_resize.h>

#include "core/check.h"

namespace ebm {

ImageSet resize_image(const ImageSet& image, int64_t height, int64_t width) {
  EBM_CHECK(image.count == 1 && height > 0 && width > 0, "resize_image",
            fmt::format("{} images to {}x{}", image.count, height, width), "one, and a size of 1x1 or more");
  ImageSet out = image;
  out.height = height;
  out.width = width;
  out.pixels.resize(static_cast<size_t>(out.image_elements()));
  const int done = stbir_resize_uint8_generic(
      image.pixels.data(), static_cast<int>(image.width), static_cast<int>(image.height), 0, out.pixels.data(),
      static_cast<int>(width), static_cast<int>(height), 0, static_cast<int>(image.channels), STBIR_ALPHA_CHANNEL_NONE,
      0, STBIR_EDGE_CLAMP, STBIR_FILTER_CATMULLROM, STBIR_COLORSPACE_LINEAR, nullptr);
  EBM_CHECK(done != 0, "resize_image", fmt::format("no memory for {}x{}", height, width), "enough memory");
  return out;
}

}  // namespace ebm
