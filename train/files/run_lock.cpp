#include "train/files/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

// What the holder wrote: "process 123 on host".
std::string holder(int descriptor) {
  char text[256] = {};
  const ssize_t length = ::pread(descriptor, text, sizeof text - 1, 0);
  std::string line(text, length > 0 ? static_cast<size_t>(length) : 0);
  line = line.substr(0, line.find('\n'));
  return line.empty() ? "another process" : line;
}

// Whether the descriptor is still of the file at `path`: whoever held the lock before may have removed it.
bool is_file_at(int descriptor, const std::filesystem::path& path) {
  struct stat opened {
  }, found{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &found) == 0 && opened.st_dev == found.st_dev &&
         opened.st_ino == found.st_ino;
}

}  // namespace

bool RunLock::is_held(const std::filesystem::path& folder) {
  const int descriptor = ::open((folder / kName).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return held;
}

RunLock::RunLock(const std::filesystem::path& folder) : path_(folder / kName) {
  const auto refuse = [&](const std::string& received, const std::string& expected) {
    if (descriptor_ >= 0) ::close(descriptor_);
    EBM_FAIL("run", received, expected);
  };
  while (true) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) refuse(path_.string() + ": " + std::strerror(errno), "a file that can be made");
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
      if (is_file_at(descriptor_, path_)) break;
    } else if (errno == EWOULDBLOCK) {
      refuse(folder.string() + ", where " + holder(descriptor_) + " is training", "one run at a time in a folder");
    } else if (errno != EINTR) {
      break;  // a file system without locks: the run goes on unguarded
    }
    ::close(descriptor_);
  }
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const std::string line = fmt::format("process {} on {}\n", ::getpid(), host);
  const bool written = ::ftruncate(descriptor_, 0) == 0 &&
                       ::pwrite(descriptor_, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size());
  if (!written) refuse(path_.string() + ": " + std::strerror(errno), "a file that can be written");
}

RunLock::~RunLock() {
  ::unlink(path_.c_str());  // while it is held: nobody else can have taken it
  ::close(descriptor_);
}

}  // namespace ebm
