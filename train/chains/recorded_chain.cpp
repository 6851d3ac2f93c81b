#include "train/chains/recorded_chain.h"

#include <algorithm>
#include <string>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int64_t kMostSteps = 64;  // in one record: a launch's cost is long since hidden, and recording is quick

}  // namespace

RecordedChain::RecordedChain(Steps steps, const Shape& x, Device device, int64_t num_steps, const RandomKey& key,
                             bool use_graph)
    : steps_(std::move(steps)),
      num_steps_(num_steps),
      block_(std::min(num_steps, kMostSteps)),
      key_(key),
      scalars_(device),
      offset_(scalars_.add_offset()),
      x_(Tensor::zeros(x, device)),
      whole_(device, use_graph),
      rest_(device, use_graph) {
  EBM_CHECK(x.size() % 4 == 0, "recorded chain", to_string(x), "a multiple of 4 elements, as noise is drawn");
  key_.offset = scalars_.offset(offset_);
}

void RecordedChain::run(Tensor& x, int64_t first_chain) {
  check_shape("recorded chain", "x", x, x_.shape());
  const int64_t n = x.extent(0);
  EBM_CHECK(first_chain % n == 0, "recorded chain", "first chain " + std::to_string(first_chain),
            "a multiple of " + std::to_string(n));
  x_.copy_from(x);
  RandomOffset offset;
  offset.quad = static_cast<uint32_t>(first_chain / n * (x.size() / 4));
  for (int64_t done = 0; done < num_steps_; done += block_) {
    offset.step = static_cast<uint32_t>(done);
    scalars_.set_offset(offset_, offset);
    scalars_.upload();
    const int64_t count = std::min(block_, num_steps_ - done);
    (count == block_ ? whole_ : rest_).run([&] { steps_(x_, count, key_); });
  }
  x.copy_from(x_);
}

}  // namespace ebm
