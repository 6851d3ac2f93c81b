// Whole-file reads, and writes that leave either the old file or the complete new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ebm {

// The whole of a regular file. Throws Error when it is missing, unreadable, no regular file or
// larger than `limit` bytes.
std::vector<std::byte> read_file(const std::filesystem::path& path, int64_t limit);

// Writes `path` through a temporary file in the same folder: until commit() returns, a file already
// at `path` stays as it was. Without commit() the destructor removes the temporary file. Of a symbolic
// link the target is replaced and the link stays. Every failure (no such folder, no permission, full disk;
// from the start, where `path` is a folder, a device, a pipe or a socket) throws Error and leaves no
// temporary file.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  // Data to disk, rename over `path`, folder entry to disk. Call once, last.
  void commit();

 private:
  // Throws with errno's reason, naming the step that failed.
  [[noreturn]] void fail(const char* step);
  void discard() noexcept;

  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

// Removes what a program that was killed in the middle of a write left in the folder: PATH.partial-XXXXXX. For the owner of
// the folder alone, while nobody writes there.
void remove_partial_files(const std::filesystem::path& folder);

// AtomicFile for content that is already whole in memory.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

// Throws Error now if a file could not be written there: before an hour's work, not after it.
void check_writable(const std::filesystem::path& path);

// Renames a file to PATH.set-aside, or PATH.set-aside-2 and so on: nothing of a user's is deleted. Throws Error when that
// fails.
void set_aside(const std::filesystem::path& path);
// The first of these names that is free.
std::filesystem::path set_aside_path(const std::filesystem::path& path);

// Makes the folder and its parents; Error with the reason when that fails.
void make_folder(const std::filesystem::path& folder);

}  // namespace ebm
