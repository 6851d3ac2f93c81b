// A temporary folder that ends with its owner.
#pragma once

#include <filesystem>
#include <string>

namespace ebm {

// <parent>/.<purpose>-<process id>, removed with everything in it by the destructor. It lies in
// `parent`, which is made where needed, to share its file system. What killed processes left there
// under the same purpose is removed first. Throws Error when the folder cannot be made.
class ScratchFolder {
 public:
  ScratchFolder(const std::filesystem::path& parent, const std::string& purpose);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace ebm
