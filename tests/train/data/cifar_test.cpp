#include "train/data/cifar.h"

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// One record whose planes are filled with r, g, b, its first red pixel with `corner`.
std::string record(char label, char r, char g, char b, char corner) {
  std::string text(1, label);
  text += std::string(1024, r) + std::string(1024, g) + std::string(1024, b);
  text[1] = corner;
  return text;
}

}  // namespace

TEST_CASE("cifar: planes become interleaved pixels") {
  const std::string file = record(3, 1, 2, 3, 9) + record(7, 4, 5, 6, 8);
  const ImageSet set = parse_cifar_batch(bytes_of(file), "batch");
  CHECK(set.count == 2);
  CHECK(set.shape() == ImageShape{32, 32, 3});
  CHECK(set.labels == std::vector<uint8_t>{3, 7});
  REQUIRE(set.pixels.size() == 2 * 3072);
  CHECK(std::vector<uint8_t>(set.pixels.begin(), set.pixels.begin() + 6) == std::vector<uint8_t>{9, 2, 3, 1, 2, 3});
  CHECK(std::vector<uint8_t>(set.pixels.end() - 3, set.pixels.end()) == std::vector<uint8_t>{4, 5, 6});
}

TEST_CASE("cifar: what is no batch is refused") {
  const auto message = [](const std::string& file) {
    return error_of([&] { parse_cifar_batch(bytes_of(file), "batch"); });
  };
  CHECK(contains(message(""), "0 bytes"));
  const std::string cut = record(1, 0, 0, 0, 0).substr(1);
  CHECK(message(cut) == "[parse_cifar_batch] received batch: 3072 bytes, expected whole records of 3073 bytes");
  CHECK(contains(message(record(0, 0, 0, 0, 0) + record(10, 0, 0, 0, 0)), "label 10 in record 1"));
}
