#include "core/shared_library.h"

#include <dlfcn.h>

#include "core/check.h"

namespace ebm {
namespace {

std::string load_error() {
  const char* text = dlerror();
  return text ? text : "no reason given";
}

}  // namespace

void* open_shared_library(const char* op, std::initializer_list<const char*> names, const std::string& expected) {
  std::string reasons;
  for (const char* name : names) {
    if (*name == '\0') continue;
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
    reasons += (reasons.empty() ? "" : "; ") + load_error();
  }
  EBM_FAIL(op, reasons, expected);
}

void* find_symbol(const char* op, void* library, const char* name) {
  void* const symbol = dlsym(library, name);
  EBM_CHECK(symbol, op, load_error(), name);
  return symbol;
}

}  // namespace ebm
