#include "tools/evaluate/data_uri.h"

#include <cstdint>

namespace ebm {

std::string base64(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    uint32_t word = 0;  // three bytes, four digits of 6 bits
    for (size_t k = 0; k < 3; ++k) word = word << 8 | (k < count ? std::to_integer<uint32_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) text.push_back(k <= count ? kDigits[word >> (18 - 6 * k) & 63] : '=');
  }
  return text;
}

std::string png_uri(std::span<const std::byte> png) { return "data:image/png;base64," + base64(png); }

}  // namespace ebm
