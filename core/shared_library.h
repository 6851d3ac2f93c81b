// Libraries that are opened at run time, so that programs start without them.
#pragma once

#include <initializer_list>
#include <string>

namespace ebm {

// The first of these names that opens: a file name is looked for as the loader does (LD_LIBRARY_PATH, system folders), a
// path is taken as it is. It stays open until the process ends. `op`: who needs it. Throws Error that says what the loader
// said of each and `expected`.
void* open_shared_library(const char* op, std::initializer_list<const char*> names, const std::string& expected);

// Sets a pointer to the library's function of that name; throws Error where it has none.
void* find_symbol(const char* op, void* library, const char* name);
template <class F>
void find_function(const char* op, void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(find_symbol(op, library, name));
}

}  // namespace ebm
