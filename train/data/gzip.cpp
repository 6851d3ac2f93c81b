#include "train/data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, gzip framing

// Owns zlib's inflation state for one member after another.
class Inflater {
 public:
  explicit Inflater(const std::string& name) {
    EBM_CHECK(inflateInit2(&stream_, kGzipWindow) == Z_OK, "gunzip", fmt::format("{}: zlib could not start", name),
              "memory for zlib");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> gunzip(std::span<const std::byte> bytes, int64_t limit, const std::string& name) {
  EBM_CHECK(is_gzip(bytes), "gunzip", fmt::format("{}: no gzip magic number", name), "gzip data");
  Inflater inflater(name);
  z_stream& stream = inflater.stream();
  std::vector<std::byte> inflated;
  std::array<std::byte, 1 << 16> chunk;
  size_t next = 0;  // first input byte that zlib has not been given
  int status = Z_OK;
  while (true) {
    if (stream.avail_in == 0 && next < bytes.size()) {
      // zlib counts input in 32 bits, so a large file goes in pieces.
      const size_t piece = std::min<size_t>(bytes.size() - next, std::numeric_limits<uInt>::max());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data() + next));
      stream.avail_in = static_cast<uInt>(piece);
      next += piece;
    }
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return inflated;
      // Another member may follow; anything else makes the next inflate() fail.
      inflateReset(&stream);
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    EBM_CHECK(status != Z_BUF_ERROR, "gunzip",
              fmt::format("{}: gzip data that ends after {} inflated bytes", name, inflated.size()),
              "a complete gzip file");
    EBM_CHECK(status == Z_OK || status == Z_STREAM_END, "gunzip",
              fmt::format("{}: damaged gzip data after {} inflated bytes ({})", name, inflated.size(),
                          stream.msg ? stream.msg : "zlib error"),
              "an intact gzip file");
    const size_t produced = chunk.size() - stream.avail_out;
    EBM_CHECK(static_cast<int64_t>(inflated.size() + produced) <= limit, "gunzip",
              fmt::format("{}: gzip data that inflates to more than {} bytes", name, limit),
              fmt::format("at most {} bytes", limit));
    inflated.insert(inflated.end(), chunk.begin(), chunk.begin() + produced);
  }
}

}  // namespace ebm
