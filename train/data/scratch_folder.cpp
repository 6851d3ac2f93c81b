#include "train/data/scratch_folder.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "train/files/file_io.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

// Removes the folders named prefix + process id whose process is gone.
void remove_abandoned(const fs::path& parent, const std::string& prefix) {
  std::error_code error, ignored;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    pid_t owner = 0;
    const char* end_of_name = name.data() + name.size();
    const bool is_id = std::from_chars(name.data() + prefix.size(), end_of_name, owner).ptr == end_of_name;
    const bool gone = is_id && owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH;
    if (gone) fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace

ScratchFolder::ScratchFolder(const fs::path& parent, const std::string& purpose) {
  const std::string prefix = "." + purpose + "-";
  path_ = parent / (prefix + std::to_string(::getpid()));
  make_folder(parent);
  remove_abandoned(parent, prefix);
  make_folder(path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace ebm
