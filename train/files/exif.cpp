#include "train/files/exif.h"

#include <cstdint>
#include <cstring>

namespace ebm {
namespace {

constexpr uint32_t kStart = 0xffd8, kExif = 0xffe1, kPixels = 0xffda;
constexpr size_t kEntryBytes = 12;

// Numbers of either byte order; 0 beyond the end.
struct Reader {
  std::span<const std::byte> bytes;
  bool little = false;

  uint32_t at(size_t i) const { return i < bytes.size() ? std::to_integer<uint32_t>(bytes[i]) : 0; }
  uint32_t two(size_t i) const { return little ? at(i) | at(i + 1) << 8 : at(i) << 8 | at(i + 1); }
  uint32_t four(size_t i) const { return little ? two(i) | two(i + 2) << 16 : two(i) << 16 | two(i + 2); }
};

// The tag's value, 1 to 8, of a TIFF structure; 1 where it has none.
uint32_t orientation_tag(std::span<const std::byte> tiff) {
  Reader r{tiff};
  r.little = r.at(0) == 'I';
  const size_t directory = r.four(4);
  if (directory >= tiff.size()) return 1;
  const uint32_t entries = r.two(directory);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > tiff.size()) return 1;
    if (r.two(entry) == 0x0112) return r.two(entry + 8);
  }
  return 1;
}

}  // namespace

Orientation exif_orientation(std::span<const std::byte> file) {
  const Reader r{file};
  if (r.two(0) != kStart) return {};
  for (size_t at = 2; at + 4 <= file.size() && r.at(at) == 0xff && r.two(at) != kPixels;) {
    const size_t length = r.two(at + 2);  // with its own two bytes
    if (length < 2 || at + 2 + length > file.size()) return {};
    const std::span<const std::byte> segment = file.subspan(at + 4, length - 2);
    if (r.two(at) == kExif && segment.size() > 6 && std::memcmp(segment.data(), "Exif\0\0", 6) == 0) {
      switch (orientation_tag(segment.subspan(6))) {
        case 2: return {.columns_reversed = true};
        case 3: return {.rows_reversed = true, .columns_reversed = true};
        case 4: return {.rows_reversed = true};
        case 5: return {.transposed = true};
        case 6: return {.transposed = true, .rows_reversed = true};
        case 7: return {.transposed = true, .rows_reversed = true, .columns_reversed = true};
        case 8: return {.transposed = true, .columns_reversed = true};
        default: return {};
      }
    }
    at += 2 + length;
  }
  return {};
}

}  // namespace ebm
