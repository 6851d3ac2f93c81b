// Lists of names in sentences.
#pragma once

#include <string>
#include <vector>

namespace ebm {

// "a, b or c"
inline std::string either(const std::vector<std::string>& words) {
  std::string text = words.empty() ? "" : words.front();
  for (size_t i = 1; i < words.size(); ++i) text += (i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

}  // namespace ebm
