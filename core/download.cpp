#include "core/download.h"

#include <algorithm>

#include "core/check.h"
#include "core/cuda.h"

namespace ebm {

Download::Download(const Shape& shape, Device device) : shape_(shape), device_(device) {
  if (!device.is_cuda()) {
    values_.resize(shape.size());
    return;
  }
  pinned_ = static_cast<float*>(cuda::allocate_pinned(device.index, shape.size() * sizeof(float)));
  std::fill_n(pinned_, shape.size(), 0.0f);
  copied_ = cuda::create_event(device.index);
}

Download::~Download() {
  if (!pinned_) return;
  try {
    cuda::wait_for_event(copied_);  // a copy may be writing
  } catch (const Error&) {
    // the device is lost; nothing writes any more
  }
  cuda::release_event(copied_);
  cuda::release_pinned(pinned_);
}

void Download::start(const Tensor& from) {
  check_shape("download", "the tensor", from, shape_);
  if (!pinned_) {
    std::copy_n(from.data(), from.size(), values_.begin());
    return;
  }
  cuda::copy_to_pinned(device_.index, pinned_, from.data(), from.bytes());
  cuda::record_event(device_.index, copied_);
}

std::span<const float> Download::host() {
  if (!pinned_) return values_;
  cuda::wait_for_event(copied_);  // at once where nothing was recorded yet
  return {pinned_, static_cast<size_t>(shape_.size())};
}

}  // namespace ebm
