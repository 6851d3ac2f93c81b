// Checkpoints: safetensors files `checkpoint-00001000.safetensors`, named by iteration, in a run's
// folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/check.h"
#include "train/files/safetensors.h"

namespace ebm {

// Metadata beside what Trainer::state() writes.
inline constexpr const char* kCheckpointFormat = "ebm.checkpoint";  // version of the layout: "1"
inline constexpr const char* kCheckpointConfig = "config";          // content of config.toml
inline constexpr const char* kCheckpointPlans = "conv_plans";       // kernels/conv/conv_plan.h
inline constexpr const char* kCheckpointThreads = "threads";        // equal bits need equal threads
inline constexpr const char* kCheckpointDevice = "device";          // what made it, for people to read

// Files named like checkpoints in a folder, oldest first, whatever is in them. Empty if there is no
// folder.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& folder);

// The iteration in a checkpoint's file name, or -1.
int64_t checkpoint_iteration(const std::filesystem::path& path);

// Reads a checkpoint: `path` is a file, or a folder whose last one is taken. Throws Error with the
// reason when it is cut short, damaged or foreign, and names the newest one before it that is
// valid.
struct Checkpoint {
  std::filesystem::path path;
  SafetensorsFile file;

  const std::string& config() const { return file.metadata.at(kCheckpointConfig); }
};
Checkpoint read_checkpoint(const std::filesystem::path& path);
// Throws `reason` again, with the newest valid checkpoint before `path` where there is one.
[[noreturn]] void refuse_checkpoint(const std::filesystem::path& path, const Error& reason);

// Writes the checkpoints of one run and keeps the last few.
class CheckpointStore {
 public:
  static constexpr int kKeep = 3;

  // The folder must exist.
  explicit CheckpointStore(std::filesystem::path folder, int keep = kKeep);

  // Renames checkpoints of later iterations, which the run will do again, to *.set-aside, or
  // *.set-aside-2 and so on. Nothing of a user's is deleted.
  void set_aside_after(int64_t iteration);

  // Atomically: until the new file is whole on disk nothing else changes. Then all but the last
  // `keep` are deleted. Throws Error when it cannot be written; earlier ones stay.
  void write(int64_t iteration, SafetensorsFile file);

  // The last one written or found here; empty if there is none.
  std::filesystem::path last() const;

 private:
  std::filesystem::path folder_;
  int keep_;
};

}  // namespace ebm
