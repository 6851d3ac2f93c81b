// A command in three steps, so that nothing is computed that could not be written, and a reader finds each step.
#pragma once

#include <filesystem>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "train/files/file_io.h"

namespace ebm {

// C(arguments…) loads: reads and checks all that may be refused, the files to be written included. compute() does the work,
// and may tell how far it is. write() prints and writes what came out.
template <class C, class... Arguments>
void run_command(Arguments&&... arguments) {
  C command(std::forward<Arguments>(arguments)...);
  command.compute();
  command.write();
}

// Indented, in the order of writing, with a line's end; whole or not there.
inline void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  const std::string text = json.dump(2) + "\n";
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace ebm
