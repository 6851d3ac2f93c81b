#include "train/files/npy.h"

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("npy: the bytes that numpy.save would write") {
  const TemporaryFolder folder;
  const std::vector<float> values = {1.0f, -2.5f, 0.0f, 3.0f};
  write_npy(folder / "a.npy", values, {1, 2, 2, 1});
  const std::string file = get(folder / "a.npy");
  REQUIRE(file.size() == 128 + 16);
  CHECK(file.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(file.substr(10, 66) == "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2, 1), } ");
  CHECK(file[127] == '\n');
  CHECK(file.substr(132, 4) == std::string("\x00\x00\x20\xc0", 4));  // -2.5f
}

TEST_CASE("npy: round trip of shapes") {
  const TemporaryFolder folder;
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{}, {3}, {0, 4}, {2, 1, 3, 5}, {60, 2}}) {
    int64_t elements = 1;
    for (const int64_t edge : shape) elements *= edge;
    std::vector<float> values(static_cast<size_t>(elements));
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.1f * static_cast<float>(i);
    write_npy(folder / "a.npy", values, shape);
    const NpyArray array = read_npy(folder / "a.npy");
    CHECK(array.shape == shape);
    CHECK(array.values == values);
  }
  CHECK_THROWS_AS(write_npy(folder / "a.npy", std::vector<float>(3), {2}), Error);
}

TEST_CASE("npy: an array of uint8, as numpy.save writes it") {
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }";
  std::string file("\x93NUMPY\x01\x00", 8);
  file += {static_cast<char>(118), '\0'};
  file += header + std::string(117 - header.size(), ' ') + "\n" + std::string("\x00\x7f\x80\xff", 4);
  const NpyArray array = parse_npy(bytes_of(file), "f.npy");
  CHECK(array.bytes);
  CHECK(array.shape == std::vector<int64_t>{2, 2});
  CHECK(array.values == std::vector<float>{0, 127, 128, 255});
}

TEST_CASE("npy: values in parts make the same file, which appears when it is whole") {
  const TemporaryFolder folder;
  write_npy(folder / "whole.npy", std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2});
  {
    NpyWriter writer(folder / "parts.npy", {3, 2});
    writer.write(std::vector<float>{1, 2, 3, 4});
    CHECK(contains(error_of([&] { writer.commit(); }), "2 values too few"));
    CHECK(!std::filesystem::exists(folder / "parts.npy"));
    writer.write(std::vector<float>{5, 6});
    writer.commit();
  }
  CHECK(get(folder / "parts.npy") == get(folder / "whole.npy"));
  NpyWriter full(folder / "full.npy", {2});
  CHECK(contains(error_of([&] { full.write(std::vector<float>(3)); }), "1 values too many"));
}

TEST_CASE("npy: other arrays and damage are refused with the reason") {
  const TemporaryFolder folder;
  write_npy(folder / "a.npy", std::vector<float>(4), {2, 2});
  const std::string good = get(folder / "a.npy");
  for (size_t length = 0; length < good.size(); ++length) {
    const std::string cut = good.substr(0, length);
    CHECK_THROWS_AS(parse_npy(bytes_of(cut), "f"), Error);
  }
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string file = good;
    file.replace(file.find(from), from.size(), to);
    return error_of([&] { parse_npy(bytes_of(file), "f.npy"); });
  };
  CHECK(contains(changed("<f4", "<f8"), "f.npy: dtype <f8, expected '<f4'"));
  CHECK(contains(changed("<f4", "|u1"), "16 data bytes, expected 4 uint8 values"));
  CHECK(contains(changed("False", "True "), "Fortran order"));
  CHECK(contains(changed("(2, 2)", "(2, 3)"), "16 data bytes, expected 6 float32 values"));
  CHECK(contains(changed("(2, 2)", "(-, 2)"), "no usable shape"));
  CHECK(contains(changed("(2, 2), }", "(99999999999, 99999999999), }"), "f.npy"));
}
