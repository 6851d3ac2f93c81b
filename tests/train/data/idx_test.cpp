#include "train/data/idx.h"

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"
#include "train/data/gzip.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("idx: images and labels come back, raw and gzipped") {
  const std::string images = idx_images(3, 4, 5);
  for (const std::string& file : {images, gzip(images)}) {
    const ImageSet set = parse_idx_images(bytes_of(file), "f");
    CHECK(set.count == 3);
    CHECK(set.shape() == ImageShape{4, 5, 1});
    CHECK(set.labels.empty());
    REQUIRE(set.pixels.size() == 60);
    CHECK(set.pixels[0] == 0);
    CHECK(set.pixels[59] == 59);
  }
  const std::string labels = idx_labels(12);
  CHECK(parse_idx_labels(bytes_of(labels), "f") == parse_idx_labels(bytes_of(gzip(labels)), "f"));
  CHECK(parse_idx_labels(bytes_of(labels), "f").at(11) == 1);
}

TEST_CASE("idx: every cut of a file is refused") {
  const std::string images = idx_images(2, 3, 3), labels = idx_labels(5);
  for (size_t length = 0; length < images.size(); ++length) {
    const std::string cut = images.substr(0, length);
    CHECK_THROWS_AS(parse_idx_images(bytes_of(cut), "f"), Error);
  }
  for (size_t length = 0; length < labels.size(); ++length) {
    const std::string cut = labels.substr(0, length);
    CHECK_THROWS_AS(parse_idx_labels(bytes_of(cut), "f"), Error);
  }
  const std::string packed = gzip(images);
  for (size_t length = 0; length < packed.size(); ++length) {
    const std::string cut = packed.substr(0, length);
    CHECK_THROWS_AS(parse_idx_images(bytes_of(cut), "f"), Error);
  }
}

TEST_CASE("idx: errors name the file, what was there and what should be") {
  const auto message = [](const std::string& file) {
    return error_of([&] { parse_idx_images(bytes_of(file), "train.idx"); });
  };
  CHECK(message(idx_labels(3)) ==
        "[parse_idx_images] received train.idx: magic number 0x00000801, expected 0x00000803 (IDX "
        "images)");
  CHECK(message(idx_images(2, 3, 3) + "x") ==
        "[parse_idx_images] received train.idx: 19 bytes after the header, data past the end, "
        "expected 18 bytes for 2 images of 3x3");
  CHECK(contains(message(idx_images(0, 3, 3)), "0 images of 3x3"));
  CHECK(contains(message("<html>404 Not Found</html>"), "magic number 0x3c68746d"));
  // Dimensions whose product overflows 64 bits must not pass for a small size.
  const std::string huge =
      big_endian(0x803) + big_endian(0xffffffff) + big_endian(0xffffffff) + big_endian(0xffffffff) + "xx";
  CHECK(contains(message(huge), "edges from 1 to 4096"));
}

TEST_CASE("gzip: damage, trailing bytes and bombs are refused") {
  std::string packed = gzip(idx_images(4, 28, 28));
  const auto message = [](const std::string& file, int64_t limit) {
    return error_of([&] { gunzip(bytes_of(file), limit, "f.gz"); });
  };
  CHECK(message(packed, 1 << 20).empty());
  CHECK(contains(message(packed + "tail", 1 << 20), "damaged gzip data"));
  CHECK(contains(message(packed.substr(0, packed.size() - 4), 1 << 20), "that ends after"));
  std::string flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);  // the CRC
  CHECK(contains(message(flipped, 1 << 20), "incorrect data check"));
  CHECK(contains(message(gzip(std::string(1 << 20, 'a')), 1000), "more than 1000 bytes"));
  // Two members one after the other are one file.
  CHECK(gunzip(bytes_of(gzip("ab") + gzip("cd")), 4, "f").size() == 4);
}
