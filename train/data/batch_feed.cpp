#include "train/data/batch_feed.h"

#include <fmt/format.h>

#include "core/check.h"
#include "core/profile_range.h"

namespace ebm {

BatchFeed::BatchFeed(const Dataset& dataset, const Settings& s, ImageShape image, Device device)
    : dataset_(dataset),
      seed_(s.seed),
      batch_(s.batch),
      ahead_(device.is_cuda()),
      slots_{Slot{{{s.batch, image.height, image.width, image.channels}, device}},
             Slot{{{ahead_ ? s.batch : 0, image.height, image.width, image.channels}, device}}} {
  EBM_CHECK(dataset.images.shape() == image, "run", "images of another size than the networks'",
            fmt::format("{}x{}x{}", image.height, image.width, image.channels));
}

void BatchFeed::fill(Slot& slot, int64_t iteration) {
  const ProfileRange range("data");
  fill_batch(dataset_, batch_indices(seed_, iteration, batch_, dataset_.count()), slot.upload.host().data());
  slot.upload.start();
  slot.iteration = iteration;
}

const Tensor& BatchFeed::get(int64_t iteration) {
  slots_[current_].upload.release();  // what get() returned last has been used by now
  if (ahead_) current_ = 1 - current_;
  Slot& slot = slots_[current_];
  if (slot.iteration != iteration) fill(slot, iteration);  // nothing prepared, or a rollback in between
  return slot.upload.tensor();
}

void BatchFeed::prepare(int64_t iteration) {
  if (ahead_) fill(slots_[1 - current_], iteration);
}

}  // namespace ebm
