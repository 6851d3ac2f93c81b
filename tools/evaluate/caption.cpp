#include "tools/evaluate/caption.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int64_t kRows = 5, kColumns = 3, kMargin = 3;
constexpr uint8_t kInk = 255;

// A character's rows from the top, three bits each, the left pixel the highest.
struct Glyph {
  char character;
  std::array<uint8_t, kRows> rows;
};
constexpr Glyph kFont[] = {
    {'0', {7, 5, 5, 5, 7}}, {'1', {2, 6, 2, 2, 7}}, {'2', {7, 1, 7, 4, 7}}, {'3', {7, 1, 3, 1, 7}},
    {'4', {5, 5, 7, 1, 1}}, {'5', {7, 4, 7, 1, 7}}, {'6', {7, 4, 7, 5, 7}}, {'7', {7, 1, 2, 2, 2}},
    {'8', {7, 5, 7, 5, 7}}, {'9', {7, 5, 7, 1, 7}}, {'+', {0, 2, 7, 2, 0}}, {'-', {0, 0, 7, 0, 0}},
    {'.', {0, 0, 0, 0, 2}}, {'=', {0, 7, 0, 7, 0}}, {'E', {7, 4, 6, 4, 7}}, {'t', {2, 7, 2, 2, 3}},
    {'U', {5, 5, 5, 5, 7}}, {' ', {0, 0, 0, 0, 0}},
};

const Glyph& glyph(char character) {
  const auto* found =
      std::find_if(std::begin(kFont), std::end(kFont), [&](const Glyph& g) { return g.character == character; });
  EBM_CHECK(found != std::end(kFont), "caption", fmt::format("'{}'", character), "a character of its font");
  return *found;
}

void draw(Picture& picture, const Glyph& g, int64_t left) {
  for (int64_t y = 0; y < kRows * kCaptionScale; ++y)
    for (int64_t x = 0; x < kColumns * kCaptionScale; ++x) {
      const int row = g.rows[static_cast<size_t>(y / kCaptionScale)];
      if ((row >> (kColumns - 1 - x / kCaptionScale) & 1) == 0) continue;
      uint8_t* pixel =
          picture.pixels.data() + ((kMargin + y) * picture.shape.width + left + x) * picture.shape.channels;
      std::fill_n(pixel, picture.shape.channels, kInk);
    }
}

}  // namespace

Picture caption_strip(std::span<const std::string> texts, int64_t cell_width, int64_t channels) {
  const int64_t pitch = cell_width + kGridPadding, advance = kCaptionCharacter * kCaptionScale;
  const int64_t height = kRows * kCaptionScale + 2 * kMargin;
  const int64_t total = static_cast<int64_t>(texts.size()) * pitch + kGridPadding;
  Picture strip{{height, total, channels}, {}};
  strip.pixels.assign(static_cast<size_t>(strip.shape.elements()), 0);
  for (size_t i = 0; i < texts.size(); ++i) {
    const int64_t fits = std::min(static_cast<int64_t>(texts[i].size()), (cell_width + kCaptionScale) / advance);
    const int64_t width = fits * advance - kCaptionScale;
    const int64_t left = static_cast<int64_t>(i) * pitch + kGridPadding + (cell_width - width) / 2;
    for (int64_t c = 0; c < fits; ++c) draw(strip, glyph(texts[i][static_cast<size_t>(c)]), left + c * advance);
  }
  return strip;
}

Picture stacked(std::span<const Picture> pictures) {
  EBM_CHECK(!pictures.empty(), "stacked", "no picture", "one at least");
  Picture all{{0, pictures[0].shape.width, pictures[0].shape.channels}, {}};
  for (const Picture& p : pictures) {
    EBM_CHECK(p.shape.width == all.shape.width && p.shape.channels == all.shape.channels, "stacked",
              fmt::format("widths {} and {}, channels {} and {}", all.shape.width, p.shape.width, all.shape.channels,
                          p.shape.channels),
              "one width and one channel count");
    all.shape.height += p.shape.height;
    all.pixels.insert(all.pixels.end(), p.pixels.begin(), p.pixels.end());
  }
  return all;
}

}  // namespace ebm
