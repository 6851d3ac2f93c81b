// Checkpoints: safetensors files `checkpoint-00001000.safetensors`, named by iteration, in a run's
// folder.
#pragma once

#include <filesystem>
#include <limits>
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
inline constexpr const char* kCheckpointVersion = "version";        // core/version.h, of the program that wrote it
inline constexpr const char* kCheckpointScore = "score";            // of the best one: what it was kept for
inline constexpr const char* kCheckpointChecksum = "crc32";         // checksum(); older files have none

// Begins a line of config.toml for each setting that a resumed run changed, the iteration, ": " and what changes() says.
inline constexpr const char* kChangedAt = "# changed at iteration ";

// Files named like checkpoints in a folder, oldest first, whatever is in them. Empty if there is no
// folder.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& folder);

// The iteration in a checkpoint's file name, or -1.
int64_t checkpoint_iteration(const std::filesystem::path& path);

// CRC-32, in eight hexadecimal digits, of all metadata but itself and of all tensors, names included: what one flipped
// bit changes. (A safetensors header alone tells a file that was cut short, not one whose numbers were changed.)
std::string checksum(const SafetensorsFile& file);

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

// Writes the checkpoints of one run and keeps the last few, and the best by a score.
class CheckpointStore {
 public:
  static constexpr int kKeep = 3;
  static constexpr const char* kBest = "best.safetensors";  // a checkpoint like the others, of any iteration

  // The folder must exist.
  explicit CheckpointStore(std::filesystem::path folder, int keep = kKeep);

  // Sets checkpoints of later iterations, which the run will do again, aside (file_io.h). Returns how many.
  int64_t set_aside_after(int64_t iteration);

  // Atomically: until the new file is whole on disk nothing else changes. Then all but the last
  // `keep` are deleted. Throws Error when it cannot be written; earlier ones stay.
  void write(int64_t iteration, SafetensorsFile file);

  // Finds the best one of the run so far. One of a later iteration, or a damaged one, is set aside: true.
  bool find_best(int64_t iteration);
  // Its score, the lower the better; infinity where there is none.
  double best_score() const { return best_score_; }
  // Replaces it, as write() does.
  void write_best(SafetensorsFile file, double score);

  // The last one written or found here; empty if there is none.
  std::filesystem::path last() const;

 private:
  std::filesystem::path folder_;
  int keep_;
  double best_score_ = std::numeric_limits<double>::infinity();
};

}  // namespace ebm
