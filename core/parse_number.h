// Numbers out of texts of users and files.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace ebm {

// The number that the whole text is; nothing where it is none, or one that T cannot hold.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

}  // namespace ebm
