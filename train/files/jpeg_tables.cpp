#include "train/files/jpeg_tables.h"

#include <algorithm>
#include <cstdint>

namespace ebm {
namespace {

constexpr uint8_t kStart = 0xd8, kEnd = 0xd9, kHuffmanTables = 0xc4;
constexpr int kMaxCodes = 256;
constexpr size_t kTableHeader = 17;  // class and number, then how many codes have 1, 2, ... 16 bits

class JpegWalker {
 public:
  explicit JpegWalker(std::span<const std::byte> file) : file_(file) {}

  // Fill bytes may stand even before the start marker, so the first byte decides.
  bool may_be_jpeg() const { return at(0) == 0xff; }

  // Follows the markers as a decoder does: over segments by their length, over the compressed data
  // between them by looking for the next 0xff that does not stand for itself (ff 00) or a restart.
  bool tables_fit() const {
    size_t position = 0;
    while (position < file_.size()) {
      if (at(position++) != 0xff) continue;
      while (at(position) == 0xff) ++position;  // fill bytes
      const uint8_t marker = at(position++);
      if (marker == kEnd) return true;
      if (marker <= 0x01 || (marker >= 0xd0 && marker <= kStart)) continue;  // no length follows
      const size_t length = at(position) * size_t{256} + at(position + 1);
      if (marker == kHuffmanTables && !segment_fits(position + 2, length)) return false;
      position += std::max<size_t>(length, 2);
    }
    return true;
  }

 private:
  // Beyond the end there are zeros, as for the decoder.
  uint8_t at(size_t position) const { return position < file_.size() ? std::to_integer<uint8_t>(file_[position]) : 0; }

  // The tables of one segment; `length` counts its own two bytes.
  bool segment_fits(size_t position, size_t length) const {
    size_t used = 2;
    while (used < length) {
      int codes = 0;
      for (size_t bits = 1; bits < kTableHeader; ++bits) codes += at(position + bits);
      if (codes > kMaxCodes) return false;
      position += kTableHeader + static_cast<size_t>(codes);
      used += kTableHeader + static_cast<size_t>(codes);
    }
    return true;
  }

  std::span<const std::byte> file_;
};

}  // namespace

bool jpeg_tables_fit(std::span<const std::byte> file) {
  const JpegWalker walker(file);
  return !walker.may_be_jpeg() || walker.tables_fit();
}

}  // namespace ebm
