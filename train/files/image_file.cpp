#include "train/files/image_file.h"

#include <fmt/format.h>
#include <stb_image.h>
#include <stb_image_write.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "core/check.h"
#include "train/files/exif.h"
#include "train/files/file_io.h"
#include "train/files/jpeg_tables.h"

namespace ebm {
namespace {

bool has_image_suffix(const std::filesystem::path& path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg" || suffix == ".bmp";
}

std::string dimensions(int64_t height, int64_t width) {
  const auto edge = [](int64_t n) { return n == 0 ? std::string("any") : std::to_string(n); };
  return fmt::format("{}x{} (height x width)", edge(height), edge(width));
}

uint32_t big_endian(const unsigned char* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

// ISO/IEC 15948, section 5: a signature, then chunks of length, type, data and the CRC of type and data. Shows take(type,
// data) each; throws Error where one is damaged.
template <class Take>
void for_chunks(std::span<const std::byte> file, const std::string& name, const Take& take) {
  constexpr size_t kFrame = 12;  // bytes of a chunk besides its data
  const auto require = [&](bool intact) {
    EBM_CHECK(intact, "check_png", name + ", a damaged picture", "an intact PNG file");
  };
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  require(file.size() >= kPngSignature.size() &&
          std::string_view(reinterpret_cast<const char*>(bytes), kPngSignature.size()) == kPngSignature);
  std::string_view type;
  for (size_t at = kPngSignature.size(); type != "IEND";) {
    require(file.size() - at >= kFrame);
    const uint32_t length = big_endian(bytes + at);
    require(length <= file.size() - at - kFrame);
    const unsigned char* body = bytes + at + 4;  // type and data
    require(::crc32(0, body, length + 4) == big_endian(body + 4 + length));
    require(!type.empty() || std::string_view(reinterpret_cast<const char*>(body), 4) == "IHDR");
    type = {reinterpret_cast<const char*>(body), 4};
    take(type, file.subspan(at + 8, length));
    at += kFrame + length;
  }
}

// Chunks put together into a PNG.
class PngBytes {
 public:
  PngBytes() { text(kPngSignature); }

  // A chunk of these numbers, big-endian, and these bytes.
  void chunk(std::string_view type, std::initializer_list<uint32_t> words, std::span<const std::byte> data = {}) {
    word(static_cast<uint32_t>(words.size() * 4 + data.size()));
    const size_t begin = bytes_.size();
    text(type);
    for (const uint32_t value : words) word(value);
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    word(static_cast<uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(bytes_.data() + begin), static_cast<uInt>(bytes_.size() - begin))));
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void text(std::string_view t) {
    const auto* bytes = reinterpret_cast<const std::byte*>(t.data());
    bytes_.insert(bytes_.end(), bytes, bytes + t.size());
  }
  void word(uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_.push_back(static_cast<std::byte>(value >> shift));
  }

  std::vector<std::byte> bytes_;
};

}  // namespace

namespace {

constexpr const char* kIntact = "an intact PNG, JPEG or BMP file";

// A pixel of stb's, (1), (1 and alpha), (3) or (3 and alpha), as one of so many channels.
void convert_pixel(const uint8_t* from, int64_t from_channels, uint8_t* to, int64_t to_channels) {
  const bool alpha = from_channels % 2 == 0, grey = from_channels <= 2;
  uint8_t colour[3];
  for (int64_t c = 0; c < 3; ++c) {
    colour[c] = from[grey ? 0 : c];
    if (alpha) {  // over white
      const int a = from[from_channels - 1];
      colour[c] = static_cast<uint8_t>((colour[c] * a + 255 * (255 - a) + 127) / 255);
    }
  }
  if (to_channels == 3)
    std::copy_n(colour, 3, to);
  else
    *to = grey ? colour[0] : static_cast<uint8_t>((colour[0] * 77 + colour[1] * 150 + colour[2] * 29) >> 8);  // luma
}

}  // namespace

ImageSet decode_image(std::span<const std::byte> file, const std::string& name, ImageShape wanted) {
  constexpr const char* kOp = "decode_image";
  EBM_CHECK(wanted.channels == 0 || wanted.channels == 1 || wanted.channels == 3, kOp,
            fmt::format("{} channels asked of {}", wanted.channels, name), "1 or 3 channels");
  EBM_CHECK(static_cast<int64_t>(file.size()) <= kMaxImageFileBytes, kOp,
            fmt::format("{}: {} bytes", name, file.size()), fmt::format("at most {} bytes", kMaxImageFileBytes));
  EBM_CHECK(jpeg_tables_fit(file), kOp, fmt::format("{}: a JPEG with damaged tables", name), kIntact);
  const auto* data = reinterpret_cast<const stbi_uc*>(file.data());
  const int size = static_cast<int>(file.size());
  // The header first: an image of the wrong size is refused before its pixels take memory.
  int width = 0, height = 0, file_channels = 0;
  EBM_CHECK(stbi_info_from_memory(data, size, &width, &height, &file_channels), kOp,
            fmt::format("{}: {} bytes that are no PNG, JPEG or BMP image ({})", name, size, stbi_failure_reason()),
            kIntact);
  const Orientation held = exif_orientation(file);
  if (held.transposed) std::swap(width, height);  // as it is seen
  EBM_CHECK((wanted.height == 0 || wanted.height == height) && (wanted.width == 0 || wanted.width == width), kOp,
            fmt::format("{}: an image of {}", name, dimensions(height, width)),
            dimensions(wanted.height, wanted.width));
  EBM_CHECK(int64_t{height} * width <= kMaxImagePixels, kOp,
            fmt::format("{}: an image of {}", name, dimensions(height, width)),
            fmt::format("at most {} pixels", kMaxImagePixels));
  int stored_width = 0, stored_height = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(data, size, &stored_width, &stored_height, &file_channels, 0), stbi_image_free);
  EBM_CHECK(pixels != nullptr, kOp, fmt::format("{}: a damaged image ({})", name, stbi_failure_reason()), kIntact);
  const int64_t channels = wanted.channels != 0 ? wanted.channels : file_channels >= 3 ? 3 : 1;
  ImageSet set{.count = 1, .height = height, .width = width, .channels = channels, .pixels = {}, .labels = {}};
  set.pixels.resize(static_cast<size_t>(set.image_elements()));
  uint8_t* out = set.pixels.data();
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x, out += channels) {
      int64_t row = held.transposed ? x : y, column = held.transposed ? y : x;
      if (held.rows_reversed) row = stored_height - 1 - row;
      if (held.columns_reversed) column = stored_width - 1 - column;
      convert_pixel(pixels.get() + (row * stored_width + column) * file_channels, file_channels, out, channels);
    }
  return set;
}

bool in_colour(std::span<const std::byte> file) {
  int width = 0, height = 0, channels = 0;
  const auto* data = reinterpret_cast<const stbi_uc*>(file.data());
  return stbi_info_from_memory(data, static_cast<int>(file.size()), &width, &height, &channels) && channels >= 3;
}

std::vector<std::filesystem::path> image_files(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (has_image_suffix(entry->path())) files.push_back(entry->path());
  }
  EBM_CHECK(!error, "load_images", fmt::format("{}: {}", path.string(), error.message()), "a readable folder");
  EBM_CHECK(!files.empty(), "load_images", fmt::format("{}: a folder without images", path.string()),
            "a folder with .png, .jpg, .jpeg or .bmp files");
  std::sort(files.begin(), files.end());  // a folder's own order differs between machines
  return files;
}

ImageSet load_images(const std::filesystem::path& path, ImageShape wanted) {
  ImageSet set;
  for (const std::filesystem::path& file : image_files(path)) {
    const std::vector<std::byte> bytes = read_file(file, kMaxImageFileBytes);
    ImageSet image = decode_image(bytes, file.string(), wanted);
    if (set.count == 0) {
      set = std::move(image);
      wanted = set.shape();  // the first image decides what was left open
      continue;
    }
    set.pixels.insert(set.pixels.end(), image.pixels.begin(), image.pixels.end());
    ++set.count;
  }
  return set;
}

void check_png(std::span<const std::byte> file, const std::string& name) {
  for_chunks(file, name, [](std::string_view, std::span<const std::byte>) {});
}

std::vector<std::byte> encode_png(std::span<const uint8_t> pixels, ImageShape shape) {
  constexpr const char* kOp = "encode_png";
  constexpr int64_t kMaxEdge = 1 << 15;
  EBM_CHECK(shape.height > 0 && shape.width > 0 && shape.height <= kMaxEdge && shape.width <= kMaxEdge &&
                (shape.channels == 1 || shape.channels == 3) && static_cast<int64_t>(pixels.size()) == shape.elements(),
            kOp, fmt::format("{} pixel values for {}x{}x{}", pixels.size(), shape.height, shape.width, shape.channels),
            fmt::format("H*W*C values, edges from 1 to {}, 1 or 3 channels", kMaxEdge));
  std::vector<std::byte> png;
  const auto append = [](void* context, void* data, int size) {
    auto* out = static_cast<std::vector<std::byte>*>(context);
    const auto* bytes = static_cast<const std::byte*>(data);
    out->insert(out->end(), bytes, bytes + size);
  };
  const int row_bytes = static_cast<int>(shape.width * shape.channels);
  EBM_CHECK(stbi_write_png_to_func(append, &png, static_cast<int>(shape.width), static_cast<int>(shape.height),
                                   static_cast<int>(shape.channels), pixels.data(), row_bytes) != 0,
            kOp, fmt::format("no memory for {}x{}", shape.height, shape.width), "enough memory");
  return png;
}

std::vector<std::byte> encode_animation(std::span<const std::vector<uint8_t>> frames, ImageShape shape,
                                        uint16_t milliseconds) {
  EBM_CHECK(!frames.empty(), "encode_animation", "no frame", "one or more");
  PngBytes png;
  uint32_t sequence = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    const std::vector<std::byte> frame = encode_png(frames[i], shape);  // its header is every frame's
    for_chunks(frame, "a frame", [&](std::string_view type, std::span<const std::byte> data) {
      if (type == "IHDR" && i == 0) {
        png.chunk("IHDR", {}, data);
        png.chunk("acTL", {static_cast<uint32_t>(frames.size()), 0});  // 0: without end
      }
      if (type == "IHDR") {
        const auto delay = uint32_t{milliseconds} << 16 | 1000;
        constexpr std::byte kReplace[2]{};  // a frame stays until the next, which covers all of it
        png.chunk("fcTL",
                  {sequence++, static_cast<uint32_t>(shape.width), static_cast<uint32_t>(shape.height), 0, 0, delay},
                  kReplace);
      }
      if (type == "IDAT" && i == 0) png.chunk("IDAT", {}, data);
      if (type == "IDAT" && i > 0) png.chunk("fdAT", {sequence++}, data);
    });
  }
  png.chunk("IEND", {});
  return png.take();
}

void write_png(const std::filesystem::path& path, std::span<const uint8_t> pixels, ImageShape shape) {
  write_file_atomically(path, encode_png(pixels, shape));
}

}  // namespace ebm
