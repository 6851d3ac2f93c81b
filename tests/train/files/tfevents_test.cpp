#include "train/files/tfevents.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <map>

#include "tests/train/fixtures.h"
#include "train/files/image_file.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// The fields of one protobuf message, as raw text: enough of the wire format to check what is
// written.
class Message {
 public:
  explicit Message(const std::string& text) {
    size_t at = 0;
    while (at < text.size()) {
      const uint64_t key = varint(text, at);
      const int field = static_cast<int>(key >> 3);
      size_t size = 0;
      switch (key & 7) {
        case 0: integers[field] = varint(text, at); continue;
        case 1: size = 8; break;
        case 2: size = varint(text, at); break;
        case 5: size = 4; break;
        default: FAIL("unknown wire type");
      }
      REQUIRE(size <= text.size() - at);
      texts[field] = text.substr(at, size);
      at += size;
    }
  }

  std::map<int, uint64_t> integers;
  std::map<int, std::string> texts;

 private:
  static uint64_t varint(const std::string& text, size_t& at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(text.at(at++));
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  }
};

template <class T>
T load(const std::string& text, size_t at) {
  T value;
  REQUIRE(at + sizeof value <= text.size());
  std::memcpy(&value, text.data() + at, sizeof value);
  return value;
}

// Undoes TFRecord's mask.
uint32_t unmasked(uint32_t masked) { return std::rotl(masked - 0xa282ead8u, 15); }

// The payloads of a file's records; both checksums of each are checked.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> payloads;
  size_t at = 0;
  while (at < file.size()) {
    const auto length = load<uint64_t>(file, at);
    CHECK(unmasked(load<uint32_t>(file, at + 8)) == crc32c(bytes_of(file.substr(at, 8))));
    payloads.push_back(file.substr(at + 12, length));
    REQUIRE(payloads.back().size() == length);
    CHECK(unmasked(load<uint32_t>(file, at + 12 + length)) == crc32c(bytes_of(payloads.back())));
    at += 12 + length + 4;
  }
  return payloads;
}

}  // namespace

TEST_CASE("tfevents: CRC-32C known answers") {
  CHECK(crc32c(bytes_of("123456789")) == 0xe3069283u);
  CHECK(crc32c({}) == 0u);
  const std::string zeros(32, '\0');  // RFC 3720, B.4
  CHECK(crc32c(bytes_of(zeros)) == 0x8a9136aau);
}

TEST_CASE("tfevents: scalars and images read back from the records") {
  const TemporaryFolder folder;
  const Picture picture{{2, 3, 1}, {1, 2, 3, 4, 5, 6}};
  std::filesystem::path path;
  {
    EventWriter writer(folder / "runs/a");
    path = writer.path();
    writer.scalar("energy/data", -1.5, 7);
    writer.flush();
    CHECK(records(get(path)).size() == 2);
    writer.scalar("energy/data", 2.0, int64_t{1} << 40);
    writer.image("samples", picture, 9);
  }  // the destructor writes the rest
  CHECK(contains(path.filename().string(), "events.out.tfevents."));
  const std::vector<std::string> events = records(get(path));
  REQUIRE(events.size() == 4);
  CHECK(Message(events[0]).texts.at(3) == "brain.Event:2");

  const Message first(events[1]);
  CHECK(load<double>(first.texts.at(1), 0) > 1.6e9);  // seconds since 1970
  CHECK(first.integers.at(2) == 7);
  const Message value(Message(first.texts.at(5)).texts.at(1));
  CHECK(value.texts.at(1) == "energy/data");
  CHECK(load<float>(value.texts.at(2), 0) == -1.5f);
  CHECK(Message(events[2]).integers.at(2) == uint64_t{1} << 40);

  const Message image_value(Message(Message(events[3]).texts.at(5)).texts.at(1));
  CHECK(image_value.texts.at(1) == "samples");
  const Message image(image_value.texts.at(4));
  CHECK(image.integers == std::map<int, uint64_t>{{1, 2}, {2, 3}, {3, 1}});
  CHECK(decode_image(bytes_of(image.texts.at(4)), "png", {2, 3, 1}).pixels == picture.pixels);
}

TEST_CASE("tfevents: a writer that goes on from a step says so: what was told of later ones is void") {
  const TemporaryFolder folder;
  std::filesystem::path path;
  {
    const EventWriter writer(folder.path(), 41);
    path = writer.path();
  }
  const std::vector<std::string> events = records(get(path));
  REQUIRE(events.size() == 2);
  const Message start(events[1]);
  CHECK(start.integers.at(2) == 42);
  CHECK(Message(start.texts.at(7)).integers.at(1) == 1);  // SessionLog.START
}

TEST_CASE("tfevents: a second writer in the same second gets its own file") {
  const TemporaryFolder folder;
  const EventWriter a(folder.path()), b(folder.path());
  CHECK(a.path() != b.path());
  put(folder / "file", "x");
  CHECK(contains(error_of([&] { EventWriter writer(folder / "file"); }), "file"));
}
