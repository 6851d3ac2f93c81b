#include "train/data/mask.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/parse_number.h"
#include "core/random.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"

namespace ebm {
namespace {

constexpr char kOp[] = "--mask";
// Random numbers of one hole, one after the other.
class Draws {
 public:
  explicit Draws(const RandomKey& key) : key_(key) {}

  float between(float low, float high) { return low + uniform1(key_, next_++) * (high - low); }
  // low … high, both included.
  int64_t whole(int64_t low, int64_t high) {
    const uint32_t word = random_words(key_, next_ / 4).v[next_ % 4];
    ++next_;
    return low + static_cast<int64_t>(uint64_t{word} * static_cast<uint64_t>(high - low + 1) >> 32);
  }

 private:
  RandomKey key_;
  uint64_t next_ = 0;
};

// A hole (H, W) that is not dug yet.
struct Hole {
  Hole(int64_t h, int64_t w) : height(h), width(w), pixels(static_cast<size_t>(h * w)) {}

  void rectangle(int64_t top, int64_t left, int64_t rows, int64_t columns) {
    for (int64_t y = top; y < top + rows; ++y)
      std::fill_n(pixels.begin() + y * width + left, columns, static_cast<uint8_t>(1));
  }
  // All pixels whose centre is that near to the line from a to b.
  void line(float ay, float ax, float by, float bx, float radius) {
    const float dy = by - ay, dx = bx - ax, square = dy * dy + dx * dx;
    for (int64_t i = 0; i < height * width; ++i) {
      const float y = static_cast<float>(i / width) - ay, x = static_cast<float>(i % width) - ax;
      const float along = std::clamp((y * dy + x * dx) / square, 0.0f, 1.0f);
      const float ey = y - along * dy, ex = x - along * dx;
      if (ey * ey + ex * ex <= radius * radius) pixels[static_cast<size_t>(i)] = 1;
    }
  }

  int64_t height, width;
  std::vector<uint8_t> pixels;
};

void draw_rectangle(Hole& hole, Draws& draws) {
  const int64_t rows = draws.whole((hole.height + 3) / 4, hole.height / 2);
  const int64_t columns = draws.whole((hole.width + 3) / 4, hole.width / 2);
  const int64_t top = draws.whole(0, hole.height - rows), left = draws.whole(0, hole.width - columns);
  hole.rectangle(top, left, rows, columns);
}

void draw_strokes(Hole& hole, Draws& draws) {
  const float edge = static_cast<float>(std::min(hole.height, hole.width));
  const int64_t strokes = draws.whole(2, 4);
  for (int64_t stroke = 0; stroke < strokes; ++stroke) {
    // From the centre of a pixel, so that this one is hole whatever the radius.
    float y = static_cast<float>(draws.whole(0, hole.height - 1)),
          x = static_cast<float>(draws.whole(0, hole.width - 1));
    const float radius = edge * draws.between(1 / 24.0f, 1 / 12.0f);
    float turns = draws.between(0, 1);
    for (int bend = 0; bend < 3; ++bend) {
      const float length = edge * draws.between(1 / 8.0f, 1 / 4.0f);
      float cosine, sine;
      cos_sin_turns(turns - std::floor(turns), cosine, sine);
      hole.line(y, x, y + length * sine, x + length * cosine, radius);
      y += length * sine;
      x += length * cosine;
      turns += draws.between(-1 / 6.0f, 1 / 6.0f);
    }
  }
  // Few pixels may all lie under the strokes.
  if (std::count(hole.pixels.begin(), hole.pixels.end(), 0) == 0) hole.pixels[0] = 0;
}

// The edge of a centred hole: the nearest to share · edge that leaves both hole and image.
int64_t centred(int64_t edge, double share) {
  return std::clamp<int64_t>(std::llround(share * static_cast<double>(edge)), 1, edge - 1);
}

std::vector<uint8_t> read_mask(const std::string& file, ImageShape image) {
  const ImageSet picture = decode_image(read_file(file, kMaxImageFileBytes), file, {0, 0, 1});
  EBM_CHECK(picture.height == image.height && picture.width == image.width, kOp,
            fmt::format("{}, {}x{} (height x width)", file, picture.height, picture.width),
            fmt::format("{}x{}, the size of the images", image.height, image.width));
  std::vector<uint8_t> hole(picture.pixels.size());
  std::transform(picture.pixels.begin(), picture.pixels.end(), hole.begin(), [](uint8_t p) { return p > 127; });
  const int64_t pixels = std::count(hole.begin(), hole.end(), 1), all = static_cast<int64_t>(hole.size());
  EBM_CHECK(pixels > 0 && pixels < all, kOp, fmt::format("{}, {} of {} pixels white", file, pixels, all),
            "white where the hole is, and black where the image is known");
  return hole;
}

bool is_file(const std::string& text) { return text.ends_with(".png") || text.ends_with(".PNG"); }

}  // namespace

Mask::Mask(const std::string& text, ImageShape image) : height_(image.height), width_(image.width) {
  EBM_CHECK(height_ >= 2 && width_ >= 2, kOp, fmt::format("images of {}x{}", height_, width_), "2x2 or more");
  constexpr std::string_view kCentre = "center:";
  if (text == "random" || text == "stroke") {
    strokes_ = text == "stroke";
    return;
  }
  if (is_file(text)) {
    fixed_ = read_mask(text, image);
    return;
  }
  Hole hole(height_, width_);
  if (text == "left") {
    hole.rectangle(0, 0, height_, width_ / 2);
  } else if (text == "right") {
    hole.rectangle(0, width_ - width_ / 2, height_, width_ / 2);
  } else {
    const double share = text.starts_with(kCentre) ? parse_number<double>(text.substr(kCentre.size())).value_or(0) : 0;
    EBM_CHECK(share > 0 && share < 1, kOp, fmt::format("'{}'", text),
              "center:F with F between 0 and 1, left, right, random, stroke or FILE.png");
    const int64_t rows = centred(height_, share), columns = centred(width_, share);
    hole.rectangle((height_ - rows) / 2, (width_ - columns) / 2, rows, columns);
  }
  fixed_ = std::move(hole.pixels);
}

std::vector<uint8_t> Mask::hole(uint64_t seed, int64_t iteration, int64_t row) const {
  if (fixed()) return fixed_;
  Hole hole(height_, width_);
  Draws draws({seed, Stream::holes, static_cast<uint32_t>(iteration), static_cast<uint32_t>(row)});
  if (strokes_)
    draw_strokes(hole, draws);
  else
    draw_rectangle(hole, draws);
  return std::move(hole.pixels);
}

std::vector<uint8_t> Mask::holes(uint64_t seed, int64_t iteration, int64_t first, int64_t n) const {
  std::vector<uint8_t> all;  // (n, H, W)
  for (int64_t row = first; row < first + n; ++row) {
    const std::vector<uint8_t> one = hole(seed, iteration, row);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

}  // namespace ebm
