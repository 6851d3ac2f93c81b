#include "core/type_name.h"

#include <cxxabi.h>

#include <cctype>
#include <cstdlib>

namespace ebm {
namespace {

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::string demangled(const char* name) {
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, nullptr);
  const std::string result = text ? text : name;
  std::free(text);
  return result;
}

}  // namespace

std::string type_name(const std::type_info& type) {
  std::string text = demangled(type.name());
  const std::string anonymous = "(anonymous namespace)";
  for (size_t at; (at = text.find(anonymous)) != std::string::npos;) text.erase(at, anonymous.size());
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "::") == 0) {  // what came before it is a namespace
      while (!name.empty() && in_word(name.back())) name.pop_back();
      ++i;
    } else if (text[i] != ' ') {
      name += text[i];
    }
  }
  return name;
}

}  // namespace ebm
