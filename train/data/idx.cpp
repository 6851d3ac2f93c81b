#include "train/data/idx.h"

#include <fmt/format.h>

#include <cstring>

#include "core/check.h"
#include "train/data/gzip.h"

namespace ebm {
namespace {

constexpr uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, three dimensions
constexpr uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, one dimension

// Walks the header; every read is checked against the end.
class Header {
 public:
  Header(const char* op, std::span<const std::byte> bytes, const std::string& name)
      : op_(op), bytes_(bytes), name_(name) {}

  uint32_t next(const char* field) {
    EBM_CHECK(bytes_.size() - offset_ >= 4, op_,
              fmt::format("{}: {} bytes, cut short in its {}", name_, bytes_.size(), field), "a complete IDX header");
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<uint32_t>(bytes_[offset_++]);
    return value;
  }

  void check_magic(uint32_t expected, const char* what) {
    const uint32_t magic = next("magic number");
    EBM_CHECK(magic == expected, op_, fmt::format("{}: magic number 0x{:08x}", name_, magic),
              fmt::format("0x{:08x} (IDX {})", expected, what));
  }

  // The bytes after the header, which must be exactly `size`.
  std::span<const std::byte> payload(uint64_t size, const std::string& shape) const {
    const uint64_t rest = bytes_.size() - offset_;
    EBM_CHECK(rest == size, op_,
              fmt::format("{}: {} bytes after the header{}", name_, rest,
                          rest < size ? ", file cut short" : ", data past the end"),
              fmt::format("{} bytes for {}", size, shape));
    return bytes_.subspan(offset_);
  }

 private:
  const char* op_;
  std::span<const std::byte> bytes_;
  const std::string& name_;
  size_t offset_ = 0;
};

std::vector<uint8_t> copy_bytes(std::span<const std::byte> bytes) {
  std::vector<uint8_t> copy(bytes.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

// The file's raw content: `file` itself, or its inflated bytes kept in `storage`.
std::span<const std::byte> raw_content(std::span<const std::byte> file, const std::string& name,
                                       std::vector<std::byte>& storage) {
  if (!is_gzip(file)) return file;
  storage = gunzip(file, kMaxIdxBytes, name);
  return storage;
}

}  // namespace

ImageSet parse_idx_images(std::span<const std::byte> file, const std::string& name) {
  constexpr const char* kOp = "parse_idx_images";
  std::vector<std::byte> storage;
  Header header(kOp, raw_content(file, name, storage), name);
  header.check_magic(kImagesMagic, "images");
  const uint64_t count = header.next("image count");
  const uint64_t height = header.next("height");
  const uint64_t width = header.next("width");
  // The limit on the edges also keeps the product below within 2^32 * 2^24 bytes: no overflow.
  EBM_CHECK(count > 0 && height > 0 && width > 0 && height <= kMaxIdxEdge && width <= kMaxIdxEdge, kOp,
            fmt::format("{}: {} images of {}x{}", name, count, height, width),
            fmt::format("at least one image, edges from 1 to {}", kMaxIdxEdge));
  const std::span<const std::byte> pixels =
      header.payload(count * height * width, fmt::format("{} images of {}x{}", count, height, width));
  return {.count = static_cast<int64_t>(count),
          .height = static_cast<int64_t>(height),
          .width = static_cast<int64_t>(width),
          .channels = 1,
          .pixels = copy_bytes(pixels),
          .labels = {}};
}

std::vector<uint8_t> parse_idx_labels(std::span<const std::byte> file, const std::string& name) {
  constexpr const char* kOp = "parse_idx_labels";
  std::vector<std::byte> storage;
  Header header(kOp, raw_content(file, name, storage), name);
  header.check_magic(kLabelsMagic, "labels");
  const uint64_t count = header.next("label count");
  EBM_CHECK(count > 0, kOp, fmt::format("{}: 0 labels", name), "at least one label");
  return copy_bytes(header.payload(count, fmt::format("{} labels", count)));
}

}  // namespace ebm
