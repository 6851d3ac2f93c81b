#include "train/files/safetensors.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

SafetensorsFile example() {
  SafetensorsFile file;
  file.metadata = {{"format", "ebm"}, {"note", "quotes \" and ümlauts"}};
  const std::vector<float> weights = {1.0f, 2.0f, 3.0f, -0.0f, 1e-40f, 6.0f};
  const auto bytes = std::as_bytes(std::span(weights));
  file.tensors["w"] = {"F32", {2, 3}, {bytes.begin(), bytes.end()}};
  file.tensors["a_flag"] = {"U8", {1}, {std::byte{7}}};
  file.tensors["step"] = {"I64", {}, std::vector<std::byte>(8, std::byte{1})};
  file.tensors["empty"] = {"F32", {0, 5}, {}};
  return file;
}

// A file of this header text and data.
std::string with_header(const std::string& header, const std::string& data) {
  std::string file;
  for (size_t i = 0; i < 8; ++i) file.push_back(static_cast<char>(header.size() >> 8 * i & 0xff));
  return file + header + data;
}

std::string parse_error(const std::string& file) {
  return error_of([&] { parse_safetensors(bytes_of(file), "f"); });
}

}  // namespace

TEST_CASE("safetensors: round trip") {
  const TemporaryFolder folder;
  const SafetensorsFile file = example();
  write_safetensors(folder / "a.safetensors", file);
  const SafetensorsFile read = read_safetensors(folder / "a.safetensors");
  CHECK(read.metadata == file.metadata);
  REQUIRE(read.tensors.size() == file.tensors.size());
  for (const auto& [name, entry] : file.tensors) {
    CHECK(read.tensors.at(name).dtype == entry.dtype);
    CHECK(read.tensors.at(name).shape == entry.shape);
    CHECK(read.tensors.at(name).data == entry.data);
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("safetensors: metadata alone, and of a file that is cut short in its header or is none") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.metadata = {{"a", "1"}, {"b", "two"}};
  file.tensors["x"] = {"F32", {1}, std::vector<std::byte>(4)};
  write_safetensors(folder / "a", file);
  CHECK(read_safetensors_metadata(folder / "a") == file.metadata);
  const std::string bytes = get(folder / "a");
  for (const size_t size : {size_t{0}, size_t{5}, size_t{30}}) {
    put(folder / "b", bytes.substr(0, size));
    CHECK_THROWS_AS(read_safetensors_metadata(folder / "b"), Error);
  }
  CHECK(contains(error_of([&] { read_safetensors_metadata(folder / "none"); }), "none, which cannot be read"));
}

TEST_CASE("safetensors: the layout that other readers expect") {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const std::string file = get(folder / "a");
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  CHECK(length % 8 == 0);
  CHECK(file[8] == '{');
  const std::string header = file.substr(8, length);
  // Wide elements first: every tensor is aligned to its own element size.
  CHECK(contains(header, R"("step":{"data_offsets":[0,8],"dtype":"I64","shape":[]})"));
  CHECK(contains(header, R"("empty":{"data_offsets":[8,8],"dtype":"F32","shape":[0,5]})"));
  CHECK(contains(header, R"("w":{"data_offsets":[8,32],"dtype":"F32","shape":[2,3]})"));
  CHECK(contains(header, R"("a_flag":{"data_offsets":[32,33],"dtype":"U8","shape":[1]})"));
  CHECK(file.size() == 8 + length + 33);
  // A file as Python's package writes it: metadata, padding, another key order.
  const std::string foreign = with_header(
      R"({"__metadata__":{"format":"pt"},"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   )", "abcd");
  const SafetensorsFile read = parse_safetensors(bytes_of(foreign), "f");
  CHECK(read.metadata.at("format") == "pt");
  CHECK(read.tensors.at("t").data.size() == 4);
  CHECK(parse_safetensors(bytes_of(with_header("{}", "")), "f").tensors.empty());
}

TEST_CASE("safetensors: every cut of a file is refused") {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const std::string file = get(folder / "a");
  for (size_t length = 0; length < file.size(); ++length) {
    CHECK_FALSE(parse_error(file.substr(0, length)).empty());
  }
  CHECK(contains(parse_error(file.substr(0, file.size() - 1)), "cut short in tensor 'a_flag'"));
  CHECK(contains(parse_error(file + "x"), "1 bytes past the last tensor"));
}

TEST_CASE("safetensors: foreign and inconsistent files are refused with the reason") {
  const auto tensor = [](const std::string& body) { return parse_error(with_header("{" + body + "}", "12345678")); };
  const auto one = [&](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return tensor(R"("t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}");
  };
  CHECK(one(R"("F32")", "[2]", "[0,8]").empty());
  CHECK(contains(one(R"("F31")", "[2]", "[0,8]"), "a known dtype"));
  CHECK(contains(one(R"("F32")", "[3]", "[0,8]"), "at offsets 0 to 8, expected 12 bytes"));
  CHECK(contains(one(R"("F32")", "[3]", "[0,12]"), "cut short in tensor 't'"));
  CHECK(contains(one(R"("F32")", "[1]", "[4,8]"), "at offset 4, expected offset 0"));
  CHECK(contains(one(R"("F32")", "[1]", "[0,4]"), "4 bytes past the last tensor"));
  CHECK(contains(one(R"("F32")", "[2]", "[8,0]"), "at offsets 8 to 0"));
  CHECK(contains(one(R"("F32")", "[-2]", "[0,8]"), "damaged description"));
  CHECK(contains(one(R"("F32")", "[2.5]", "[0,8]"), "damaged description"));
  CHECK(contains(one(R"("F32")", "[2]", "[0,8,9]"), "damaged description"));
  CHECK(contains(one("1", "[2]", "[0,8]"), "damaged description"));
  CHECK(contains(one(R"("F32")", "[4294967296,4294967296,4]", "[0,8]"), "fits in memory"));
  CHECK(contains(one(R"("F32")", "[2]", "[0,18446744073709551615]"), "damaged description"));
  CHECK(contains(tensor(R"("t":1)"), "damaged description"));
  CHECK(contains(tensor(R"("__metadata__":{"a":1})"), "metadata 'a' that is no string"));
  CHECK(contains(tensor(R"("__metadata__":[])"), "__metadata__ that is no object"));
  // Two tensors that share bytes.
  CHECK(contains(tensor(R"("a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                        R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]})"),
                 "tensor 'b' at offset 4, expected offset 8"));
  CHECK(contains(parse_error("\x89PNG\r\n\x1a\n0000"), "no JSON after it"));
  CHECK(contains(parse_error(with_header("{", "")), "no JSON"));
  CHECK(contains(parse_error(with_header("{\"a\":}", "")), "no JSON"));
  CHECK(contains(parse_error(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{", 9)), "a first word"));
}

TEST_CASE("safetensors: tensors that contradict themselves are not written") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["w"] = {"F32", {2}, std::vector<std::byte>(7)};
  CHECK(contains(error_of([&] { write_safetensors(folder / "a", file); }), "with 7 bytes"));
  file.tensors = {{"__metadata__", {"U8", {0}, {}}}};
  CHECK_THROWS_AS(write_safetensors(folder / "a", file), Error);
  file.tensors = {{"\xff", {"U8", {0}, {}}}};
  CHECK(contains(error_of([&] { write_safetensors(folder / "a", file); }), "not UTF-8"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("safetensors: a failed write leaves the old file and no temporary one") {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const std::string before = get(folder / "a");
  SafetensorsFile large = example();
  large.tensors["big"] = {"U8", {1 << 20}, std::vector<std::byte>(1 << 20)};

  // A file size limit makes write() fail half-way, as a full disk does.
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{64 << 10, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = error_of([&] { write_safetensors(folder / "a", large); });
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);

  CHECK(contains(message, "cannot write: File too large"));
  CHECK(get(folder / "a") == before);
  CHECK(folder.entries() == 1);
}
