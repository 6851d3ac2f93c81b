#include "tools/evaluate/caption.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// The strip's rows as text, each font pixel once.
std::vector<std::string> drawn(const Picture& strip) {
  std::vector<std::string> rows;
  for (int64_t y = 3; y + 3 < strip.shape.height; y += kCaptionScale) {
    std::string row;
    for (int64_t x = kGridPadding; x + kGridPadding < strip.shape.width; x += kCaptionScale)
      row += strip.pixels[static_cast<size_t>(y * strip.shape.width + x)] ? '#' : '.';
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

TEST_CASE("a number is drawn in the middle of its cell") {
  // 14 pixels of text in a cell of 18: two to the left, two to the right
  const Picture strip = caption_strip(std::vector<std::string>{"17"}, 18, 1);
  CHECK(strip.shape.width == 18 + 2 * kGridPadding);
  CHECK(drawn(strip) == std::vector<std::string>{"..#..###.", ".##....#.", "..#...#..", "..#...#..", ".###..#.."});
}

TEST_CASE("a text that is too wide is cut at its cell") {
  const Picture strip = caption_strip(std::vector<std::string>{"888", "8"}, 14, 1);  // 14 pixels hold two characters
  const std::vector<std::string> rows = drawn(strip);
  CHECK(rows[0] == "###.###...###..");  // two in the first cell, the gap, one in the second
  CHECK_NOTHROW(caption_strip(std::vector<std::string>{"t=20 -1.5E+03 U"}, 200, 1));
  CHECK(contains(error_of([] { caption_strip(std::vector<std::string>{"1,5"}, 200, 1); }), "','"));
}

TEST_CASE("pictures are stacked where their widths agree") {
  const Picture a{{1, 2, 1}, {1, 2}}, b{{2, 2, 1}, {3, 4, 5, 6}}, wide{{1, 3, 1}, {7, 8, 9}};
  const Picture both = stacked(std::vector<Picture>{a, b});
  CHECK(both.shape.height == 3);
  CHECK(both.pixels == std::vector<uint8_t>{1, 2, 3, 4, 5, 6});
  CHECK(contains(error_of([&] { stacked(std::vector<Picture>{a, wide}); }), "2 and 3"));
}
