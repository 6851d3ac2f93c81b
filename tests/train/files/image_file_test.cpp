#include "train/files/image_file.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/train/files/encoded_images.h"
#include "tests/train/fixtures.h"
#include "train/files/exif.h"
#include "train/files/file_io.h"
#include "train/files/image_grid.h"
#include "train/files/jpeg_tables.h"
#include "train/files/resize_image.h"

using namespace ebm;
using namespace ebm::test;

namespace {

std::vector<uint8_t> ramp(int64_t size) {
  std::vector<uint8_t> pixels(static_cast<size_t>(size));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(7 * i);
  return pixels;
}

}  // namespace

TEST_CASE("image_file: PNG round trip, grey and RGB") {
  const TemporaryFolder folder;
  for (const int64_t channels : {1, 3}) {
    const ImageShape shape{5, 4, channels};
    const std::vector<uint8_t> pixels = ramp(shape.elements());
    write_png(folder / "a.png", pixels, shape);
    const ImageSet set = load_images(folder / "a.png", {5, 4, 0});
    CHECK(set.count == 1);
    CHECK(set.shape() == shape);
    CHECK(set.pixels == pixels);
  }
  CHECK(folder.entries() == 1);  // no temporary file stays
}

TEST_CASE("image_file: an animation is a PNG of all frames, in order, whose first one is what others show") {
  const ImageShape shape{5, 4, 3};
  std::vector<std::vector<uint8_t>> frames(3, ramp(shape.elements()));
  for (size_t i = 0; i < frames.size(); ++i) frames[i][0] = static_cast<uint8_t>(i);
  const std::vector<std::byte> png = encode_animation(frames, shape, 80);
  check_png(png, "a.png");
  CHECK(decode_image(png, "a.png", shape).pixels == frames[0]);

  // each frame's data as an image of its own; the numbers of fcTL and fdAT count on
  const std::string bytes(reinterpret_cast<const char*>(png.data()), png.size());
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  CHECK(number(bytes.find("acTL") + 4) == 3);
  uint32_t sequence = 0;
  for (size_t at = bytes.find("fcTL"), frame = 0; at != std::string::npos; at = bytes.find("fcTL", at + 1), ++frame) {
    CHECK(number(at + 4) == sequence++);
    CHECK(number(at + 24) == (80u << 16 | 1000u));
    const size_t data = at + 38;  // the next chunk's type: fcTL holds 26 bytes, and a CRC and a length lie between
    const bool first = frame == 0;
    CHECK(bytes.substr(data, 4) == (first ? "IDAT" : "fdAT"));
    if (!first) CHECK(number(data + 4) == sequence++);
    const size_t begin = data + (first ? 4 : 8), length = number(data - 4) - (first ? 0 : 4);
    const std::vector<std::byte> alone = encode_png(frames[frame], shape);
    const std::string wanted(reinterpret_cast<const char*>(alone.data()), alone.size());
    CHECK(contains(wanted, bytes.substr(begin, length)));
  }
  CHECK(sequence == 5);
}

TEST_CASE("image_file: channels are converted as asked") {
  const std::vector<uint8_t> grey = {10, 200};
  const std::vector<std::byte> png = encode_png(grey, {1, 2, 1});
  CHECK(decode_image(png, "g", {0, 0, 3}).pixels == std::vector<uint8_t>{10, 10, 10, 200, 200, 200});
  const std::vector<uint8_t> white_black = {255, 255, 255, 0, 0, 0};
  const ImageSet luma = decode_image(encode_png(white_black, {1, 2, 3}), "c", {1, 2, 1});
  CHECK(luma.pixels == std::vector<uint8_t>{255, 0});
  CHECK_THROWS_AS(decode_image(png, "g", {0, 0, 2}), Error);
}

TEST_CASE("image_file: 16 bits, transparency, palettes, BMP and CMYK become what one sees") {
  using Pixels = std::vector<uint8_t>;
  const auto decoded = [](const std::string& file, int64_t channels = 0) {
    return decode_image(bytes_of(file), "x", {0, 0, channels});
  };
  CHECK(decoded(kGrey16Png).pixels == Pixels{0, 128, 255});
  CHECK(decoded(kGrey16Png).channels == 1);
  CHECK(decoded(kRgbaPng).pixels == Pixels{255, 0, 0, 255, 255, 255, 127, 127, 127});
  CHECK(decoded(kRgbaPng, 1).pixels == Pixels{76, 255, 127});
  CHECK(decoded(kGreyAlphaPng).pixels == Pixels{10, 255});
  CHECK(decoded(kGreyAlphaPng, 3).pixels == Pixels{10, 10, 10, 255, 255, 255});
  CHECK(decoded(kPalettePng).pixels == Pixels{255, 0, 0, 255, 255, 255});
  CHECK(decoded(kRgbBmp).pixels == Pixels{255, 0, 0, 0, 0, 255});
  const ImageSet cyan = decoded(kCmykCyanJpeg);
  CHECK(cyan.channels == 3);
  for (size_t i = 0; i < cyan.pixels.size(); ++i) CHECK(std::abs(cyan.pixels[i] - (i % 3 == 0 ? 0 : 255)) <= 2);
}

TEST_CASE("image_file: a photo that was taken with the camera on its side is turned upright") {
  const ImageSet upright = decode_image(bytes_of(kSidewaysJpeg), "x.jpg", {16, 8, 1});
  for (size_t y = 0; y < 16; ++y)
    for (size_t x = 0; x < 8; ++x) CHECK(std::abs(upright.pixels[y * 8 + x] - (y < 8 ? 0 : 255)) <= 2);
  CHECK(contains(error_of([] { decode_image(bytes_of(kSidewaysJpeg), "x.jpg", {8, 16, 1}); }), "an image of 16x8"));

  const size_t tag = kSidewaysJpeg.find(std::string("\x01\x12\x00\x03", 4)) + 9;
  const auto held = [&](char value) {
    std::string file = kSidewaysJpeg;
    file[tag] = value;
    const Orientation o = exif_orientation(bytes_of(file));
    return 4 * o.transposed + 2 * o.rows_reversed + o.columns_reversed;
  };
  CHECK(held(0) == 0);
  for (const auto& [value, expected] :
       {std::pair{1, 0}, {2, 1}, {3, 3}, {4, 2}, {5, 4}, {6, 6}, {7, 7}, {8, 5}, {9, 0}})
    CHECK_MESSAGE(held(static_cast<char>(value)) == expected, value);
  for (size_t n = 0; n < kSidewaysJpeg.size(); ++n)  // a file that is cut anywhere is read to its end and no further
    exif_orientation(bytes_of(kSidewaysJpeg.substr(0, n)));
}

TEST_CASE("resize_image: what is even stays, means are kept, and what is finer than the new pixels leaves no pattern") {
  const auto image = [](int64_t height, int64_t width, int64_t channels, auto value) {
    ImageSet set{.count = 1, .height = height, .width = width, .channels = channels, .pixels = {}, .labels = {}};
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels; ++c) set.pixels.push_back(static_cast<uint8_t>(value(y, x, c)));
    return set;
  };
  const ImageSet even = resize_image(image(90, 130, 3, [](auto, auto, auto c) { return 50 * c + 7; }), 31, 45);
  CHECK(even.shape() == ImageShape{31, 45, 3});
  for (size_t i = 0; i < even.pixels.size(); ++i) CHECK(even.pixels[i] == 50 * (i % 3) + 7);
  const ImageSet checkers =
      resize_image(image(256, 256, 1, [](auto y, auto x, auto) { return (y + x) % 2 * 255; }), 72, 72);
  for (const uint8_t pixel : checkers.pixels) CHECK(std::abs(pixel - 127) <= 4);  // the corners are 4 off
  // a ramp stays the ramp away from its ends, where new pixels' middles lie at 3.56·(i + 0.5) − 0.5 of the old
  const ImageSet ramp = resize_image(image(1, 256, 1, [](auto, auto x, auto) { return x; }), 1, 72);
  for (int64_t i = 3; i < 69; ++i)
    CHECK(std::abs(ramp.pixels[static_cast<size_t>(i)] - (256.0 / 72 * (static_cast<double>(i) + 0.5) - 0.5)) <= 1.0);
  CHECK_THROWS_AS(resize_image(ramp, 0, 4), Error);
}

TEST_CASE("image_file: a folder is read in the order of names, in one size") {
  const TemporaryFolder folder;
  write_png(folder / "b.png", std::vector<uint8_t>{2}, {1, 1, 1});
  write_png(folder / "a.PNG", std::vector<uint8_t>{1}, {1, 1, 1});
  put(folder / "notes.txt", "not an image");
  const ImageSet set = load_images(folder.path(), {});
  CHECK(set.count == 2);
  CHECK(set.pixels == std::vector<uint8_t>{1, 2});
  write_png(folder / "c.png", std::vector<uint8_t>{1, 2}, {1, 2, 1});
  const std::string message = error_of([&] { load_images(folder.path(), {}); });
  CHECK(contains(message, "c.png: an image of 1x2 (height x width), expected 1x1"));
}

TEST_CASE("image_file: damaged, foreign, wrongly sized and missing files are refused") {
  const TemporaryFolder folder;
  const std::vector<std::byte> png = encode_png(ramp(64 * 64), {64, 64, 1});
  const auto message = [](std::span<const std::byte> file, ImageShape wanted) {
    return error_of([&] { decode_image(file, "x.png", wanted); });
  };
  CHECK(contains(message(std::span(png).first(png.size() / 2), {}), "a damaged image"));
  CHECK(contains(message(bytes_of("GIF89a"), {}), "no PNG, JPEG or BMP image"));
  CHECK(contains(message({}, {}), "0 bytes"));
  CHECK(contains(message(png, {28, 28, 1}), "x.png: an image of 64x64 (height x width), expected 28x28"));
  CHECK(contains(error_of([&] { load_images(folder / "none.png", {}); }), "No such file"));
  CHECK(contains(error_of([&] { load_images(folder.path(), {}); }), "a folder without images"));
}

TEST_CASE("image_file: a JPEG with an impossible Huffman table never reaches the decoder") {
  const auto table = [](char codes_of_one_length) {
    std::string text("\xff\xd8\xff\xc4\x00\x13\x00", 7);
    text.append(16, codes_of_one_length);
    return text;
  };
  CHECK(jpeg_tables_fit(bytes_of(table(16))));                                    // 256 codes
  CHECK_FALSE(jpeg_tables_fit(bytes_of(table(17))));                              // 272
  CHECK_FALSE(jpeg_tables_fit(bytes_of(std::string("\xff").append(table(17)))));  // fill before the start marker
  // Behind another segment, fill bytes and compressed data with an escaped ff.
  const std::string before = std::string("\xff\xd8\xff\xe0\x00\x04\xff\xc4", 8) + "\xff\xff\xda" +
                             std::string("\x00\x02\xff\x00\x12\xff\xd0", 7);
  CHECK_FALSE(jpeg_tables_fit(bytes_of(before + table(17).substr(2))));
  CHECK(jpeg_tables_fit(bytes_of(before + table(16).substr(2))));
  CHECK(
      contains(error_of([&] { decode_image(bytes_of(table(17)), "x.jpg", {}); }), "x.jpg: a JPEG with damaged tables"));
}

TEST_CASE("image_grid: places, scale, padding and clamping") {
  // Three 1x2 grey images: the fourth cell stays black.
  const std::vector<float> images = {-1.0f, 1.0f, 0.0f, 5.0f, -5.0f, 1.0f};
  const Picture grid = image_grid(images, {1, 2, 1}, 2, 2, 3);
  CHECK(grid.shape == ImageShape{2 * (3 + 2) + 2, 2 * (6 + 2) + 2, 1});
  const auto at = [&](int64_t y, int64_t x) { return grid.pixels.at(static_cast<size_t>(y * 18 + x)); };
  CHECK(at(0, 0) == 0);     // padding
  CHECK(at(2, 2) == 0);     // image 0, pixel 0
  CHECK(at(4, 5) == 255);   // image 0, pixel 1, its last row
  CHECK(at(5, 5) == 0);     // padding again
  CHECK(at(2, 10) == 128);  // image 1, pixel 0: 0 -> 127.5, rounded up
  CHECK(at(2, 13) == 255);  // clamped
  CHECK(at(7, 2) == 0);     // clamped
  CHECK(at(7, 5) == 255);
  CHECK(at(7, 10) == 0);  // no fourth image
  const Picture both = side_by_side(grid, grid);
  CHECK(both.shape == ImageShape{12, 18 + 4 + 18, 1});
  CHECK(both.pixels.at(18) == 255);
  CHECK(both.pixels.at(2 * 40 + 22 + 13) == 255);
}

TEST_CASE("image_file: a changed byte anywhere in a PNG, or a missing end, is noticed") {
  const std::vector<std::byte> png = encode_png(ramp(60), {5, 4, 3});
  check_png(png, "a.png");
  for (size_t i = 0; i < png.size(); ++i) {
    std::vector<std::byte> changed = png;
    changed[i] ^= std::byte{4};
    CHECK_MESSAGE(contains(error_of([&] { check_png(changed, "a.png"); }), "a.png, a damaged picture"), i);
    CHECK_THROWS_AS(check_png(std::span(png).first(i), "a.png"), Error);
  }
}

TEST_CASE("image_grid: every 8-bit value survives the way to [-1, 1] and back") {
  std::vector<float> images(256);
  for (size_t i = 0; i < images.size(); ++i) images[i] = static_cast<float>(i) / 127.5f - 1.0f;
  const Picture grid = image_grid(images, {1, 256, 1}, 1, 1);
  for (size_t i = 0; i < 256; ++i) {
    CHECK(grid.pixels.at(2 * static_cast<size_t>(grid.shape.width) + 2 + i) == i);
  }
}

TEST_CASE("image_grid: NaN and sizes that do not fit are refused") {
  const std::vector<float> nan = {0.0f, std::numeric_limits<float>::quiet_NaN()};
  CHECK(contains(error_of([&] { image_grid(nan, {1, 1, 1}, 1, 2); }), "NaN in image 1"));
  CHECK_THROWS_AS(image_grid(nan, {1, 3, 1}, 1, 2), Error);
  CHECK_THROWS_AS(image_grid(nan, {1, 1, 1}, 0, 2), Error);
  CHECK_THROWS_AS(image_grid(nan, {1, 1, 2}, 1, 1), Error);
}

TEST_CASE("file_io: a write that fails leaves the old file and no other") {
  const TemporaryFolder folder;
  put(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write(bytes_of("half of the new"));
    CHECK(folder.entries() == 2);
  }  // no commit, as when an exception passes
  CHECK(get(folder / "a") == "old");
  CHECK(folder.entries() == 1);
  write_file_atomically(folder / "a", bytes_of("new"));
  CHECK(get(folder / "a") == "new");
  CHECK(contains(error_of([&] { write_file_atomically(folder / "no/such/a", bytes_of("x")); }),
                 "expected an existing folder"));
  CHECK(contains(error_of([&] { read_file(folder / "a", 2); }), "at most 2 bytes"));
  CHECK(contains(error_of([&] { read_file(folder.path(), 2); }), "not a regular file"));
}

TEST_CASE("file_io: a link's target is replaced and the link stays") {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  put(folder / "place/a", "old");
  fs::create_symlink("place/a", folder / "near");
  fs::create_symlink(fs::absolute(folder / "near"), folder / "far");
  write_file_atomically(folder / "far", bytes_of("new"));
  CHECK(get(folder / "place/a") == "new");
  CHECK(fs::is_symlink(folder / "near"));
  CHECK(fs::is_symlink(folder / "far"));

  fs::create_symlink("place/b", folder / "to be made");
  write_file_atomically(folder / "to be made", bytes_of("made"));
  CHECK(get(folder / "place/b") == "made");
  CHECK(fs::is_symlink(folder / "to be made"));

  fs::create_symlink("round", folder / "round");
  CHECK(contains(error_of([&] { check_writable(folder / "round"); }), "links that lead nowhere"));
  CHECK(fs::is_symlink(folder / "round"));
}

TEST_CASE("file_io: what is no regular file is refused before a byte is written, and stays") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& name, const std::string& kind) {
    CHECK(contains(error_of([&] { check_writable(folder / name); }), name + ", " + kind));
    CHECK(contains(error_of([&] { AtomicFile file(folder / name); }), name + ", " + kind));
  };
  std::filesystem::create_directory(folder / "inside");
  refused("inside", "a folder");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  refused("fifo", "a pipe");
  std::filesystem::create_symlink("fifo", folder / "link");
  refused("link", "a pipe");
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string name = folder / "socket";
  REQUIRE(name.size() < sizeof address.sun_path);
  std::copy(name.begin(), name.end(), address.sun_path);
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  refused("socket", "a socket");
  ::close(listener);
  CHECK(std::filesystem::is_fifo(folder / "fifo"));
  CHECK(folder.entries() == 4);
  // a device node of its own needs a superuser; the null device's stands for them, and is only looked at
  CHECK(contains(error_of([] { check_writable("/dev/null"); }), "/dev/null, a device"));
}
