// The very samples that were scored, as files for other tools.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "core/image_shape.h"
#include "train/data/scratch_folder.h"
#include "train/files/npy.h"

namespace ebm {

// FOLDER/generated/00000.png …, FOLDER/generated.npy (N, H, W, C) in [-1, 1], and the same for revised. They
// are made in a hidden folder within and appear together: what was interrupted leaves nothing in the way of
// the same command.
class SampleExport {
 public:
  // Makes the folder; throws Error when it holds anything already: old and new samples must not mix.
  SampleExport(const std::filesystem::path& folder, int64_t n, ImageShape image);

  // Levels of samples `first` to `first + count`: (count, H, W, C), in order.
  void add(int64_t first, std::span<const uint8_t> generated, std::span<const uint8_t> revised);
  // Call once, last: the files appear.
  void commit();

 private:
  std::filesystem::path folder_;
  ScratchFolder scratch_;
  ImageShape image_;
  NpyWriter generated_, revised_;
};

}  // namespace ebm
