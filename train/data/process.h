// Runs other programs without a shell: arguments reach them as they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ebm {

struct ProcessResult {
  int exit_code = 0;   // 127: the program was not found; 128 + n: ended by signal n
  std::string output;  // the end of what it printed, stdout and stderr together
};

// Runs arguments[0], found in PATH, in `folder` and waits for its end. Its stdin is empty. Throws
// Error only when the system cannot start a process at all.
ProcessResult run_process(const std::vector<std::string>& arguments, const std::filesystem::path& folder);

}  // namespace ebm
