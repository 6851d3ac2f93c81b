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

// Whether the text is digits alone: if it is no number, then one that is too large.
inline bool is_whole(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace ebm
