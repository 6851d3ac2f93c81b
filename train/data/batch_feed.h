// The batch of each iteration, on the device by the time it is needed.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/communicator.h"
#include "core/upload.h"
#include "train/data/source.h"

namespace ebm {

class BatchFeed {
 public:
  // Keeps a reference to the source. `shapes`: of a batch's tensors, (batch, …) each, in order of the source's parts;
  // `share`: the rows of it that are given, all of them where it is left out. Throws Error where the source's are of other
  // shapes.
  BatchFeed(const Source& source, uint64_t seed, const std::vector<Shape>& shapes, Device device,
            const std::optional<Share>& share = {});

  // Those rows of the batch of an iteration, counted from 0. Valid until the next call.
  std::span<const Tensor> get(int64_t iteration);
  // On a GPU: puts the batch of that iteration together and sends it while the device works.
  void prepare(int64_t iteration);

 private:
  struct Slot {
    std::vector<std::unique_ptr<Upload>> parts;
    int64_t iteration = -1;
  };
  void fill(Slot& slot, int64_t iteration);

  const Source& source_;
  uint64_t seed_;
  int64_t batch_;
  Share share_;
  bool ahead_;  // another processor does the work, so that there is time to prepare
  std::array<Slot, 2> slots_;
  size_t current_ = 0;
  std::vector<Tensor> given_;  // what get() returned last
};

}  // namespace ebm
