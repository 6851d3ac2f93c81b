// The training images of each iteration, on the device by the time they are needed.
#pragma once

#include <array>

#include "core/upload.h"
#include "train/data/dataset.h"
#include "train/settings.h"

namespace ebm {

class BatchFeed {
 public:
  // Keeps a reference to the data set. Throws Error if its images are not of shape `image`.
  BatchFeed(const Dataset& dataset, const Settings& settings, ImageShape image, Device device);

  // The images (batch,H,W,C) of an iteration, counted from 0. Valid until the next call.
  const Tensor& get(int64_t iteration);
  // On a GPU: puts the images of that iteration together and sends them while the device works.
  void prepare(int64_t iteration);

 private:
  struct Slot {
    Upload upload;
    int64_t iteration = -1;
  };
  void fill(Slot& slot, int64_t iteration);

  const Dataset& dataset_;
  uint64_t seed_;
  int64_t batch_;
  bool ahead_;  // another processor does the work, so that there is time to prepare
  std::array<Slot, 2> slots_;
  size_t current_ = 0;
};

}  // namespace ebm
