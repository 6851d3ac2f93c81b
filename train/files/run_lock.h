// One program a run's folder: two that trained in it at once would write each other's files over.
#pragma once

#include <filesystem>

namespace ebm {

// Holds `folder`/run.lock, which names the process and its host for people to read. The kernel gives the lock back when the
// process ends in whatever way, so a file that a killed run left behind is taken over. Throws Error, naming the holder,
// where another program holds it, and where the file cannot be made.
class RunLock {
 public:
  static constexpr const char* kName = "run.lock";

  // Whether a program is training in this folder now.
  static bool is_held(const std::filesystem::path& folder);

  // The folder must exist.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();  // the file goes too
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace ebm
