#include "train/files/tfevents.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/check.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"

namespace ebm {
namespace {

constexpr size_t kBufferBytes = 1 << 16;

// --- protobuf's wire format: (field number << 3 | wire type), then the value ---

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

template <class Bits>
void put_little_endian(std::string& out, Bits value) {
  for (size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>(value >> 8 * i & 0xff));
}

void put_integer(std::string& out, int field, int64_t value) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 0);
  put_varint(out, static_cast<uint64_t>(value));
}

void put_double(std::string& out, int field, double value) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 1);
  put_little_endian(out, std::bit_cast<uint64_t>(value));
}

void put_float(std::string& out, int field, float value) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 5);
  put_little_endian(out, std::bit_cast<uint32_t>(value));
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out.append(bytes);
}

// --- the field numbers of tensorflow's event.proto and summary.proto that are written here ---

enum EventField { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7 };
enum SessionLogField { kStatus = 1 };
constexpr int64_t kStart = 1;  // a status: the session begins
enum SummaryField { kSummaryValue = 1 };
enum ValueField { kTag = 1, kSimpleValue = 2, kImage = 4 };
enum ImageField { kHeight = 1, kWidth = 2, kColorspace = 3, kEncodedImage = 4 };

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// TFRecord stores checksums rotated and offset, so that data with checksums in it keeps its
// strength.
uint32_t masked_crc(std::string_view text) {
  const uint32_t crc = crc32c(std::as_bytes(std::span(text)));
  return std::rotr(crc, 15) + 0xa282ead8u;
}

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
    table[byte] = crc;
  }
  return table;
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = ~0u;
  for (const std::byte byte : bytes) {
    crc = crc >> 8 ^ kTable[(crc ^ std::to_integer<uint32_t>(byte)) & 0xff];
  }
  return ~crc;
}

EventWriter::EventWriter(const std::filesystem::path& folder, int64_t step) {
  make_folder(folder);
  char host[256] = "localhost";
  if (::gethostname(host, sizeof host - 1) != 0) std::strcpy(host, "localhost");
  // TensorBoard orders the files of a run by the seconds in their names.
  const auto base =
      folder / fmt::format("events.out.tfevents.{:010d}.{}.{}", static_cast<int64_t>(seconds_now()), host, ::getpid());
  path_ = base;
  for (int n = 1; descriptor_ < 0; ++n) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    EBM_CHECK(descriptor_ >= 0 || errno == EEXIST, "EventWriter",
              fmt::format("{}: {}", path_.string(), std::strerror(errno)), "a writable folder");
    if (descriptor_ < 0) path_ = fmt::format("{}.{}", base.string(), n);
  }
  std::string event;
  put_double(event, kWallTime, seconds_now());
  put_bytes(event, kFileVersion, "brain.Event:2");
  append_record(event);
  if (step == 0) return;
  event.clear();
  std::string session;
  put_integer(session, kStatus, kStart);
  put_double(event, kWallTime, seconds_now());
  put_integer(event, kStep, step + 1);  // the first one that is told again
  put_bytes(event, kSessionLog, session);
  append_record(event);
}

EventWriter::~EventWriter() {
  try {
    flush();
  } catch (const Error&) {
    // A destructor cannot report; callers who need to know call flush().
  }
  ::close(descriptor_);
}

void EventWriter::scalar(const std::string& tag, double value, int64_t step) {
  std::string entry;
  put_bytes(entry, kTag, tag);
  put_float(entry, kSimpleValue, static_cast<float>(value));
  std::string summary;
  put_bytes(summary, kSummaryValue, entry);
  append_summary(summary, step);
}

void EventWriter::image(const std::string& tag, const Picture& picture, int64_t step) {
  const std::vector<std::byte> png = encode_png(picture.pixels, picture.shape);
  std::string image;
  put_integer(image, kHeight, picture.shape.height);
  put_integer(image, kWidth, picture.shape.width);
  put_integer(image, kColorspace, picture.shape.channels);  // 1 grey, 3 RGB
  put_bytes(image, kEncodedImage, {reinterpret_cast<const char*>(png.data()), png.size()});
  std::string entry;
  put_bytes(entry, kTag, tag);
  put_bytes(entry, kImage, image);
  std::string summary;
  put_bytes(summary, kSummaryValue, entry);
  append_summary(summary, step);
}

void EventWriter::append_summary(std::string_view summary, int64_t step) {
  std::string event;
  put_double(event, kWallTime, seconds_now());
  put_integer(event, kStep, step);
  put_bytes(event, kSummary, summary);
  append_record(event);
}

// TFRecord: length (8 bytes), its masked CRC, the data, its masked CRC; all little-endian.
void EventWriter::append_record(std::string_view event) {
  std::string length;
  put_little_endian(length, static_cast<uint64_t>(event.size()));
  buffer_ += length;
  put_little_endian(buffer_, masked_crc(length));
  buffer_.append(event);
  put_little_endian(buffer_, masked_crc(event));
  if (buffer_.size() > kBufferBytes) flush();
}

void EventWriter::flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t written = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int reason = errno;
      // Take the part of a record back, so that readers and a later flush() see whole records only.
      if (::ftruncate(descriptor_, written_) == 0) ::lseek(descriptor_, written_, SEEK_SET);
      EBM_FAIL("EventWriter", fmt::format("{}: {}", path_.string(), std::strerror(reason)), "space for the event file");
    }
    done += static_cast<size_t>(written);
  }
  written_ += static_cast<int64_t>(buffer_.size());
  buffer_.clear();
}

}  // namespace ebm
