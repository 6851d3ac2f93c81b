#include "train/files/npy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/check.h"

namespace ebm {
namespace {

static_assert(std::endian::native == std::endian::little, "the payload is copied as it lies");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr int64_t kMaxNpyBytes = int64_t{1} << 34;
constexpr size_t kAlignment = 64;  // numpy pads the header so that the data can be mapped

// Elements of a shape, or nothing when they would not fit in kMaxNpyBytes.
std::optional<int64_t> elements_of(const std::vector<int64_t>& shape) {
  int64_t elements = 1;
  for (const int64_t edge : shape) {
    if (edge < 0 || (edge > 0 && elements > kMaxNpyBytes / edge)) return std::nullopt;
    elements *= edge;
  }
  return elements;
}

// The text between `key` and the next `end` in the header's dict, or nothing.
std::optional<std::string_view> field(std::string_view header, std::string_view key, std::string_view end) {
  const size_t at = header.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t from = at + key.size();
  const size_t to = header.find(end, from);
  if (to == std::string_view::npos) return std::nullopt;
  return header.substr(from, to - from);
}

// "60, 28, 28, 1" or "3," or "": the inside of a Python tuple.
std::optional<std::vector<int64_t>> parse_tuple(std::string_view text) {
  std::vector<int64_t> shape;
  while (true) {
    const size_t digit = text.find_first_not_of(' ');
    if (digit == std::string_view::npos) return shape;
    const size_t end = std::min(text.find(',', digit), text.size());
    int64_t value = 0;
    for (const char c : text.substr(digit, end - digit)) {
      if (c < '0' || c > '9' || value > kMaxNpyBytes) return std::nullopt;
      value = value * 10 + (c - '0');
    }
    if (end == digit) return std::nullopt;
    shape.push_back(value);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& path, const std::vector<int64_t>& shape)
    : file_(path), missing_(elements_of(shape).value_or(-1)) {
  EBM_CHECK(missing_ >= 0, "write_npy", fmt::format("shape ({})", fmt::join(shape, ", ")), "one that fits in memory");
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}",
                                   fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const size_t before = kMagic.size() + 2 + 2;  // magic, version, header length
  const size_t unpadded = before + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ').push_back('\n');

  std::string prefix(kMagic);
  prefix += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  prefix += header;
  file_.write(std::as_bytes(std::span(prefix)));
}

void NpyWriter::write(std::span<const float> values) {
  missing_ -= static_cast<int64_t>(values.size());
  EBM_CHECK(missing_ >= 0, "write_npy", fmt::format("{} values too many", -missing_),
            "as many values as the shape holds");
  file_.write(std::as_bytes(values));
}

void NpyWriter::commit() {
  EBM_CHECK(missing_ == 0, "write_npy", fmt::format("{} values too few", missing_),
            "as many values as the shape holds");
  file_.commit();
}

void write_npy(const std::filesystem::path& path, std::span<const float> values, const std::vector<int64_t>& shape) {
  EBM_CHECK(elements_of(shape) == static_cast<int64_t>(values.size()), "write_npy",
            fmt::format("{} values for shape ({})", values.size(), fmt::join(shape, ", ")),
            "as many values as the shape holds");
  NpyWriter writer(path, shape);
  writer.write(values);
  writer.commit();
}

NpyArray parse_npy(std::span<const std::byte> file, const std::string& name) {
  constexpr const char* kOp = "parse_npy";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  EBM_CHECK(text.starts_with(kMagic) && text.size() >= 10, kOp, fmt::format("{}: no NumPy magic number", name),
            "a .npy file");
  const bool version1 = text[6] == 1;
  EBM_CHECK((version1 || text[6] == 2) && text.size() >= 12, kOp,
            fmt::format("{}: version {}", name, static_cast<int>(text[6])), "version 1.0 or 2.0");
  size_t length = 0;
  const size_t start = version1 ? 10 : 12;
  for (size_t i = start; i-- > 8;) length = length << 8 | static_cast<unsigned char>(text[i]);
  EBM_CHECK(length <= text.size() - start, kOp,
            fmt::format("{}: a header of {} bytes in a file of {}", name, length, text.size()), "a complete .npy file");
  const std::string_view header = text.substr(start, length);
  const std::string_view dtype = field(header, "'descr': '", "'").value_or("unknown");
  EBM_CHECK(dtype == "<f4" || dtype == "|u1", kOp, fmt::format("{}: dtype {}", name, dtype),
            "'<f4' (float32) or '|u1' (uint8)");
  const bool bytes = dtype == "|u1";
  EBM_CHECK(field(header, "'fortran_order': ", ",") == "False", kOp, fmt::format("{}: Fortran order", name), "C order");
  const auto tuple = field(header, "'shape': (", ")");
  const auto shape = tuple ? parse_tuple(*tuple) : std::nullopt;
  const auto elements = shape ? elements_of(*shape) : std::nullopt;
  EBM_CHECK(elements.has_value(), kOp, fmt::format("{}: no usable shape", name), "a shape tuple");
  const size_t payload = text.size() - start - length;
  EBM_CHECK(payload == static_cast<size_t>(*elements) * (bytes ? 1 : sizeof(float)), kOp,
            fmt::format("{}: {} data bytes", name, payload),
            fmt::format("{} {} values", *elements, bytes ? "uint8" : "float32"));
  NpyArray array{*shape, std::vector<float>(static_cast<size_t>(*elements)), bytes};
  const std::byte* data = file.data() + start + length;
  if (bytes)
    std::transform(data, data + payload, array.values.begin(),
                   [](std::byte b) { return static_cast<float>(std::to_integer<uint8_t>(b)); });
  else if (payload > 0)
    std::memcpy(array.values.data(), data, payload);
  return array;
}

NpyArray read_npy(const std::filesystem::path& path) { return parse_npy(read_file(path, kMaxNpyBytes), path.string()); }

}  // namespace ebm
