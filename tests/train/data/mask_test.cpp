#include "train/data/mask.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/train/fixtures.h"
#include "train/files/image_file.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// Rows of the hole, # in it.
std::string drawn(const std::string& text, int64_t height, int64_t width) {
  const std::vector<uint8_t> hole = Mask(text, {height, width, 1}).hole(1, 2, 3);
  std::string picture;
  for (size_t i = 0; i < hole.size(); ++i) {
    if (i > 0 && i % static_cast<size_t>(width) == 0) picture += '\n';
    picture += hole[i] ? '#' : '.';
  }
  return picture;
}

}  // namespace

TEST_CASE("masks that are fixed lie where their names say") {
  CHECK(drawn("center:0.5", 4, 6) == "......\n.###..\n.###..\n......");
  CHECK(drawn("center:0.5", 4, 8) == "........\n..####..\n..####..\n........");
  CHECK(drawn("center:0.01", 3, 3) == "...\n.#.\n...");
  CHECK(drawn("center:0.99", 3, 3) == "##.\n##.\n...");
  CHECK(drawn("left", 2, 4) == "##..\n##..");
  CHECK(drawn("right", 2, 5) == "...##\n...##");
  const Mask mask("left", {2, 4, 3});
  CHECK(mask.fixed());
  CHECK(mask.hole(1, 2, 3) == mask.hole(4, 5, 6));
}

TEST_CASE("a mask of a file: what is white is hole") {
  const TemporaryFolder folder;
  const std::string file = (folder / "hole.png").string();
  write_png(file, std::vector<uint8_t>{255, 0, 0, 127, 128, 0}, {2, 3, 1});
  CHECK(drawn(file, 2, 3) == "#..\n.#.");
  const std::string other = error_of([&] { Mask(file, {3, 2, 1}); });
  CHECK(other == "[--mask] received " + file + ", 2x3 (height x width), expected 3x2, the size of the images");
  for (const uint8_t level : {uint8_t{0}, uint8_t{255}}) {
    write_png(file, std::vector<uint8_t>(6, level), {2, 3, 1});
    CHECK(contains(error_of([&] { Mask(file, {2, 3, 1}); }), level ? "6 of 6 pixels white" : "0 of 6 pixels white"));
  }
  put(file, "no picture");
  CHECK(contains(error_of([&] { Mask(file, {2, 3, 1}); }), "no PNG"));
  CHECK(contains(error_of([&] { Mask("absent.png", {2, 3, 1}); }), "absent.png"));
}

TEST_CASE("a text that names no mask is refused in one line") {
  for (const char* text : {"", "centre:0.5", "center", "center:", "center:0", "center:1", "center:-0.5", "center:nan",
                           "center:0.5x", "hole.jpg"}) {
    const std::string error = error_of([&] { Mask(text, {8, 8, 1}); });
    CHECK(error == "[--mask] received '" + std::string(text) +
                       "', expected center:F with F between 0 and 1, left, right, random, stroke or FILE.png");
  }
  CHECK(contains(error_of([] { Mask("left", {8, 1, 1}); }), "8x1"));
}

TEST_CASE("a random mask is a rectangle of a quarter to half of each edge, anywhere") {
  const Mask mask("random", {13, 16, 1});
  CHECK(!mask.fixed());
  std::set<int64_t> heights, widths, tops, lefts;
  for (int64_t row = 0; row < 2000; ++row) {
    const std::vector<uint8_t> hole = mask.hole(5, 0, row);
    int64_t top = 13, left = 16, bottom = 0, right = 0, pixels = 0;
    for (int64_t i = 0; i < 13 * 16; ++i) {
      if (!hole[static_cast<size_t>(i)]) continue;
      ++pixels;
      top = std::min(top, i / 16), bottom = std::max(bottom, i / 16 + 1);
      left = std::min(left, i % 16), right = std::max(right, i % 16 + 1);
    }
    REQUIRE(pixels == (bottom - top) * (right - left));
    heights.insert(bottom - top), widths.insert(right - left), tops.insert(top), lefts.insert(left);
  }
  CHECK(heights == std::set<int64_t>{4, 5, 6});
  CHECK(widths == std::set<int64_t>{4, 5, 6, 7, 8});
  CHECK(*tops.begin() == 0);
  CHECK(*tops.rbegin() == 9);
  CHECK(*lefts.begin() == 0);
  CHECK(*lefts.rbegin() == 12);
}

TEST_CASE("drawn masks have hole and known pixels at every size, and a share of the image that varies") {
  for (const char* text : {"random", "stroke"}) {
    for (const ImageShape image : {ImageShape{2, 2, 1}, {2, 3, 1}, {5, 4, 1}, {28, 28, 1}}) {
      const Mask mask(text, image);
      for (int64_t row = 0; row < 300; ++row) {
        const std::vector<uint8_t> hole = mask.hole(1, 7, row);
        REQUIRE(static_cast<int64_t>(hole.size()) == image.height * image.width);
        const int64_t ones = std::count(hole.begin(), hole.end(), 1), zeros = std::count(hole.begin(), hole.end(), 0);
        REQUIRE(ones + zeros == image.height * image.width);
        REQUIRE(ones > 0);
        REQUIRE(zeros > 0);
      }
    }
  }
  double sum = 0, least = 1, most = 0;
  const Mask strokes("stroke", {64, 64, 1});
  for (int64_t row = 0; row < 200; ++row) {
    const std::vector<uint8_t> hole = strokes.hole(1, 0, row);
    const double share = static_cast<double>(std::count(hole.begin(), hole.end(), 1)) / 4096;
    sum += share, least = std::min(least, share), most = std::max(most, share);
  }
  CHECK(sum / 200 > 0.1);
  CHECK(sum / 200 < 0.3);
  CHECK(least < 0.1);
  CHECK(most > 0.25);
  CHECK(most < 0.6);
}

TEST_CASE("a drawn mask is a function of seed, iteration and row") {
  for (const char* text : {"random", "stroke"}) {
    const Mask mask(text, {32, 32, 3}), same(text, {32, 32, 3});
    const std::vector<uint8_t> hole = mask.hole(1, 2, 3);
    CHECK(hole == same.hole(1, 2, 3));
    CHECK(hole != mask.hole(9, 2, 3));
    CHECK(hole != mask.hole(1, 9, 3));
    CHECK(hole != mask.hole(1, 2, 9));
    const std::vector<uint8_t> three = mask.holes(1, 2, 2, 3);
    CHECK(three.size() == 3 * 1024);
    CHECK(std::equal(hole.begin(), hole.end(), three.begin() + 1024));
  }
}
