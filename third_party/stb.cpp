// The one place where stb's code is compiled (Debian: libstb-dev). The settings below are only read
// here: files go through ebm's own reader and writer, and no format but PNG, JPEG and BMP is let in.
#include <cstddef>
#include <cstdlib>

namespace {

// stb_image believes the lengths in a file: a PNG of 100 bytes can ask for gigabytes. What it is refused
// here it reports as a damaged image.
constexpr std::size_t kMaxImageAllocation = std::size_t{1} << 29;

void* bounded_malloc(std::size_t size) {
  return size <= kMaxImageAllocation ? std::malloc(size) : nullptr;
}
void* bounded_realloc(void* block, std::size_t size) {
  return size <= kMaxImageAllocation ? std::realloc(block, size) : nullptr;
}

}  // namespace

#define STBI_MALLOC(size) bounded_malloc(size)
#define STBI_REALLOC(block, size) bounded_realloc(block, size)
#define STBI_FREE(block) std::free(block)
#define STBI_NO_STDIO
#define STBI_ONLY_BMP
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb_image_resize.h>

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>
