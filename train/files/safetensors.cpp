#include "train/files/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

using Json = nlohmann::json;

constexpr const char* kParse = "parse_safetensors";
constexpr const char* kWrite = "write_safetensors";
constexpr const char* kMetadataKey = "__metadata__";
constexpr size_t kLengthBytes = 8;
constexpr int64_t kMaxFileBytes = int64_t{1} << 36;

constexpr std::array<std::pair<std::string_view, int64_t>, 15> kDtypes = {{
    {"BOOL", 1},
    {"U8", 1},
    {"I8", 1},
    {"F8_E5M2", 1},
    {"F8_E4M3", 1},
    {"U16", 2},
    {"I16", 2},
    {"F16", 2},
    {"BF16", 2},
    {"U32", 4},
    {"I32", 4},
    {"F32", 4},
    {"U64", 8},
    {"I64", 8},
    {"F64", 8},
}};

// shape * dtype in bytes, or nothing for an unknown dtype, a negative edge or an overflow.
std::optional<int64_t> bytes_of(const std::string& dtype, const std::vector<int64_t>& shape) {
  int64_t bytes = safetensors_dtype_size(dtype);
  if (bytes == 0) return std::nullopt;
  for (const int64_t edge : shape) {
    if (edge < 0 || (edge > 0 && bytes > std::numeric_limits<int64_t>::max() / edge)) {
      return std::nullopt;
    }
    bytes *= edge;
  }
  return bytes;
}

// A range of the data section and the tensor that claims it.
struct Range {
  uint64_t begin, end;
  std::string tensor;
  bool operator<(const Range& other) const { return std::pair(begin, end) < std::pair(other.begin, other.end); }
};

// The header's parser: it knows the file's name, for the errors.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& name) : name_(name) {
    try {
      header_ = Json::parse(text);
    } catch (const Json::exception&) {
      refuse("a header that is no JSON", "a safetensors file");
    }
    if (!header_.is_object()) refuse("a header that is no JSON object", "a safetensors file");
  }

  std::map<std::string, std::string> metadata() const {
    std::map<std::string, std::string> result;
    const auto found = header_.find(kMetadataKey);
    if (found == header_.end()) return result;
    if (!found->is_object()) refuse("__metadata__ that is no object", "a map of strings");
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) refuse(fmt::format("metadata '{}' that is no string", key), "a string");
      result[key] = value.get<std::string>();
    }
    return result;
  }

  // dtype and shape into `tensors` (no data yet); the ranges in file order.
  std::vector<Range> entries(std::map<std::string, SafetensorsFile::Entry>& tensors) const {
    std::vector<Range> ranges;
    for (const auto& [tensor, value] : header_.items()) {
      if (tensor == kMetadataKey) continue;
      SafetensorsFile::Entry entry;
      ranges.push_back(read_entry(tensor, value, entry));
      tensors.emplace(tensor, std::move(entry));
    }
    std::sort(ranges.begin(), ranges.end());
    return ranges;
  }

  [[noreturn]] void refuse(const std::string& what, const std::string& expected) const {
    EBM_FAIL(kParse, fmt::format("{}: {}", name_, what), expected);
  }

 private:
  Range read_entry(const std::string& tensor, const Json& value, SafetensorsFile::Entry& entry) const {
    const auto part = [&](const char* key) -> const Json& {
      static const Json kNone;
      if (!value.is_object()) return kNone;
      const auto found = value.find(key);
      return found == value.end() ? kNone : *found;
    };
    const Json &dtype = part("dtype"), &shape = part("shape"), &offsets = part("data_offsets");
    const auto is_count = [](const Json& n) {
      return n.is_number_unsigned() && n.get<uint64_t>() <= uint64_t{1} << 62;
    };
    if (!dtype.is_string() || !shape.is_array() || !offsets.is_array() || offsets.size() != 2 ||
        !std::all_of(shape.begin(), shape.end(), is_count) || !std::all_of(offsets.begin(), offsets.end(), is_count)) {
      refuse(fmt::format("tensor '{}' with a damaged description", tensor), "dtype, shape and two data_offsets");
    }
    entry.dtype = dtype.get<std::string>();
    for (const Json& edge : shape) entry.shape.push_back(edge.get<int64_t>());
    const Range range{offsets[0].get<uint64_t>(), offsets[1].get<uint64_t>(), tensor};
    const std::optional<int64_t> bytes = bytes_of(entry.dtype, entry.shape);
    const std::string described =
        fmt::format("tensor '{}' of {} ({})", tensor, entry.dtype, fmt::join(entry.shape, ", "));
    if (!bytes) refuse(described, "a known dtype and a shape that fits in memory");
    if (range.end < range.begin || range.end - range.begin != static_cast<uint64_t>(*bytes)) {
      refuse(fmt::format("{} at offsets {} to {}", described, range.begin, range.end), fmt::format("{} bytes", *bytes));
    }
    return range;
  }

  const std::string& name_;
  Json header_;
};

// The JSON text with the length in front; the tensors in `order` follow it.
std::string encode_header(const SafetensorsFile& file, const std::vector<const std::string*>& order) {
  Json header = Json::object();
  if (!file.metadata.empty()) header[kMetadataKey] = file.metadata;
  uint64_t offset = 0;
  for (const std::string* tensor : order) {
    const SafetensorsFile::Entry& entry = file.tensors.at(*tensor);
    const uint64_t end = offset + entry.data.size();
    header[*tensor] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    EBM_FAIL(kWrite, "a name or metadata text that is not UTF-8", "UTF-8 text");
  }
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  EBM_CHECK(static_cast<int64_t>(text.size()) <= kMaxSafetensorsHeaderBytes, kWrite,
            fmt::format("a header of {} bytes", text.size()),
            fmt::format("at most {} bytes", kMaxSafetensorsHeaderBytes));
  std::string length;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length.push_back(static_cast<char>(text.size() >> 8 * i & 0xff));
  }
  return length + text;
}

}  // namespace

int64_t safetensors_dtype_size(const std::string& dtype) {
  for (const auto& [name, size] : kDtypes) {
    if (name == dtype) return size;
  }
  return 0;
}

namespace {

// The header's length, from the first bytes of a file of `size`; checks that it can hold such a header.
uint64_t header_length(std::span<const std::byte> first, uint64_t size, const std::string& name) {
  const auto check = [&](bool condition, const std::string& received, const std::string& expected) {
    EBM_CHECK(condition, kParse, fmt::format("{}: {}", name, received), expected);
  };
  check(first.size() > kLengthBytes, fmt::format("{} bytes", size),
        "a safetensors file (8 bytes of length and a header)");
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | std::to_integer<uint64_t>(first[i]);
  check(length <= static_cast<uint64_t>(kMaxSafetensorsHeaderBytes) && first[kLengthBytes] == std::byte{'{'},
        fmt::format("a first word of {} and no JSON after it", length), "a safetensors file");
  check(length <= size - kLengthBytes, fmt::format("{} bytes, cut short in a header of {}", size, length),
        "a complete safetensors file");
  return length;
}

}  // namespace

SafetensorsFile parse_safetensors(std::span<const std::byte> file, const std::string& name) {
  const auto check = [&](bool condition, const std::string& received, const std::string& expected) {
    EBM_CHECK(condition, kParse, fmt::format("{}: {}", name, received), expected);
  };
  const uint64_t length = header_length(file, file.size(), name);
  const HeaderReader header({reinterpret_cast<const char*>(file.data()) + kLengthBytes, static_cast<size_t>(length)},
                            name);
  SafetensorsFile result;
  result.metadata = header.metadata();
  const std::vector<Range> ranges = header.entries(result.tensors);
  const std::span<const std::byte> data = file.subspan(kLengthBytes + length);
  uint64_t next = 0;
  for (const Range& range : ranges) {
    check(range.begin == next, fmt::format("tensor '{}' at offset {}", range.tensor, range.begin),
          fmt::format("offset {}: tensors one after the other", next));
    check(range.end <= data.size(), fmt::format("{} data bytes, cut short in tensor '{}'", data.size(), range.tensor),
          fmt::format("at least {}", range.end));
    const auto bytes = data.subspan(range.begin, range.end - range.begin);
    result.tensors.at(range.tensor).data.assign(bytes.begin(), bytes.end());
    next = range.end;
  }
  check(next == data.size(), fmt::format("{} bytes past the last tensor", data.size() - next),
        "a file that ends with its last tensor");
  return result;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path, kMaxFileBytes), path.string());
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  EBM_CHECK(file && !error, kParse, name + ", which cannot be read", "a safetensors file");
  std::string text(kLengthBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  const uint64_t length = header_length(std::as_bytes(std::span(text)), size, name);
  text.resize(static_cast<size_t>(length));
  file.seekg(kLengthBytes);
  file.read(text.data(), static_cast<std::streamsize>(length));
  EBM_CHECK(static_cast<uint64_t>(file.gcount()) == length, kParse, name + ", cut short while it was read",
            "a complete safetensors file");
  return HeaderReader(text, name).metadata();
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  std::vector<const std::string*> order;
  for (const auto& [tensor, entry] : file.tensors) {
    EBM_CHECK(tensor != kMetadataKey, kWrite, "a tensor named __metadata__", "another name");
    const std::optional<int64_t> bytes = bytes_of(entry.dtype, entry.shape);
    EBM_CHECK(bytes && *bytes == static_cast<int64_t>(entry.data.size()), kWrite,
              fmt::format("tensor '{}' of {} ({}) with {} bytes", tensor, entry.dtype, fmt::join(entry.shape, ", "),
                          entry.data.size()),
              "as many bytes as dtype and shape take");
    order.push_back(&tensor);
  }
  // Wide elements first keeps every tensor aligned to its own element size.
  std::stable_sort(order.begin(), order.end(), [&](const std::string* a, const std::string* b) {
    return safetensors_dtype_size(file.tensors.at(*a).dtype) > safetensors_dtype_size(file.tensors.at(*b).dtype);
  });
  const std::string header = encode_header(file, order);
  AtomicFile out(path);
  out.write(std::as_bytes(std::span(header)));
  for (const std::string* tensor : order) out.write(file.tensors.at(*tensor).data);
  out.commit();
}

}  // namespace ebm
