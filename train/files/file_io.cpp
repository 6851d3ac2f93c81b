#include "train/files/file_io.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace ebm {
namespace {

// Closes on scope exit.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

// The permissions that open(..., 0666) would give. umask() can only be read by setting it, which
// would race with other threads, so the kernel's report is used.
mode_t default_permissions() {
  mode_t mask = 022;
  if (FILE* status = std::fopen("/proc/self/status", "re")) {
    char line[256];
    unsigned value = 0;
    while (std::fgets(line, sizeof line, status)) {
      if (std::sscanf(line, "Umask: %o", &value) == 1) mask = value;
    }
    std::fclose(status);
  }
  return 0666 & ~mask;
}

constexpr char kPartial[] = ".partial-";  // before six characters, in the name of a file that is being written
constexpr int kMostLinks = 40;            // as many as the kernel follows

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

// Where to rename to: `path`, or what it links to at last, so that a symbolic link stays one. Throws Error
// when something is there that a file must not take the place of.
std::filesystem::path replaceable(std::filesystem::path path) {
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  EBM_CHECK(!exists || S_ISREG(info.st_mode), "write_file", fmt::format("{}, {}", path.string(), kind_of(info.st_mode)),
            "a regular file or a new one");
  std::error_code error;
  const std::string name = path.string();
  for (int links = 0; std::filesystem::is_symlink(path, error); ++links) {
    EBM_CHECK(links < kMostLinks, "write_file", name + ", links that lead nowhere", "a regular file or a new one");
    path = path.parent_path() / std::filesystem::read_symlink(path);  // an absolute target stands alone
  }
  return path;
}

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path, int64_t limit) {
  constexpr const char* kOp = "read_file";
  // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  EBM_CHECK(file.value >= 0, kOp, fmt::format("{}: {}", path.string(), std::strerror(errno)), "a readable file");
  struct stat info {};
  EBM_CHECK(::fstat(file.value, &info) == 0 && S_ISREG(info.st_mode), kOp,
            fmt::format("{}: not a regular file", path.string()), "a regular file");
  EBM_CHECK(info.st_size <= limit, kOp, fmt::format("{}: {} bytes", path.string(), info.st_size),
            fmt::format("at most {} bytes", limit));
  std::vector<std::byte> bytes(static_cast<size_t>(info.st_size));
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.value, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    EBM_CHECK(got >= 0, kOp, fmt::format("{}: {}", path.string(), std::strerror(errno)), "a readable file");
    EBM_CHECK(got > 0, kOp, fmt::format("{}: ended after {} bytes", path.string(), filled),
              fmt::format("{} bytes, its size when opened", bytes.size()));
    filled += static_cast<size_t>(got);
  }
  return bytes;
}

void remove_partial_files(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const size_t at = name.rfind(kPartial);
    std::error_code ignored;  // one file too many does no harm
    if (at != std::string::npos && at > 0 && name.size() == at + std::strlen(kPartial) + 6)
      std::filesystem::remove(it->path(), ignored);
  }
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(replaceable(std::move(path))) {
  // The same folder, because rename() is atomic only within one file system.
  std::string name = path_.string() + kPartial + "XXXXXX";
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail("cannot create a file beside it");
  temporary_ = name;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  // mkostemp makes the file private to its owner; the result is an ordinary file.
  if (::fchmod(descriptor_, default_permissions()) != 0) fail("cannot set permissions");
  if (::fsync(descriptor_) != 0) fail("cannot flush");
  // close() reports what a network file system could not store.
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("cannot close");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename into place");
  temporary_.clear();
  // Without this the rename itself may be lost with the power. The new file is in place and whole,
  // so a file system that cannot flush folders is no error.
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.value >= 0) ::fsync(directory.value);
}

void AtomicFile::fail(const char* step) {
  const int reason = errno;
  discard();
  const char* expected = reason == ENOSPC || reason == EDQUOT ? "free space on the disk"
                         : reason == EFBIG                    ? "room within the limit on the size of files (ulimit -f)"
                         : reason == ENOENT                   ? "an existing folder"
                                                              : "a writable folder";
  EBM_FAIL("write_file", fmt::format("{}: {}: {}", path_.string(), step, std::strerror(reason)), expected);
}

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void check_writable(const std::filesystem::path& path) { AtomicFile probe(path); }

std::filesystem::path set_aside_path(const std::filesystem::path& path) {
  const std::string aside = path.string() + ".set-aside";
  std::filesystem::path free = aside;
  for (int i = 2; std::filesystem::exists(free); ++i) free = fmt::format("{}-{}", aside, i);
  return free;
}

void set_aside(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::rename(path, set_aside_path(path), error);
  EBM_CHECK(!error, "set_aside", path.string() + ": " + error.message(), "a file that can be renamed");
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  EBM_CHECK(!error, "make_folder", fmt::format("{}: {}", folder.string(), error.message()),
            "a folder that can be made");
}

}  // namespace ebm
