// Any bytes as a PNG, JPEG or BMP file of up to 64x64 (larger ones only cost time): an Error or an
// image; and as a PNG whose chunks are checked.
#include <stb_image.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/check.h"
#include "train/files/image_file.h"
#include "train/files/jpeg_tables.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    ebm::check_png(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const ebm::Error&) {
  }
  if (!ebm::jpeg_tables_fit(std::as_bytes(std::span(data, size)))) return 0;
  int width = 0, height = 0, channels = 0;
  if (stbi_info_from_memory(data, static_cast<int>(size), &width, &height, &channels) && (width > 64 || height > 64)) {
    return 0;
  }
  try {
    const ebm::ImageSet set = ebm::decode_image(std::as_bytes(std::span(data, size)), "fuzz", {0, 0, 3});
    if (static_cast<int64_t>(set.pixels.size()) != set.image_elements()) std::abort();
  } catch (const ebm::Error&) {
  }
  return 0;
}
