#include "core/upload.h"

#include "core/check.h"
#include "core/cuda.h"

namespace ebm {

Upload::Upload(const Shape& shape, Device device) : tensor_(Tensor::zeros(shape, device)) {
  if (!device.is_cuda()) return;
  pinned_ = static_cast<float*>(cuda::allocate_pinned(device.index, tensor_.bytes()));
  copied_ = cuda::create_event(device.index);
  released_ = cuda::create_event(device.index);
  release();
}

Upload::~Upload() {
  if (!pinned_) return;
  try {
    synchronize(tensor_.device());  // a copy may be reading
  } catch (const Error&) {
    // the device is lost; nothing reads any more
  }
  cuda::release_event(copied_);
  cuda::release_event(released_);
  cuda::release_pinned(pinned_);
}

std::span<float> Upload::host() {
  if (!pinned_) return {tensor_.mutable_data(), static_cast<size_t>(tensor_.size())};
  cuda::wait_for_event(copied_);  // at once where nothing was recorded yet
  return {pinned_, static_cast<size_t>(tensor_.size())};
}

void Upload::start() {
  if (!pinned_) return;
  cuda::copy_beside(tensor_.device().index, tensor_.mutable_data(), pinned_, tensor_.bytes(), released_, copied_);
}

const Tensor& Upload::tensor() {
  if (pinned_) cuda::await(tensor_.device().index, copied_);
  return tensor_;
}

void Upload::release() {
  if (pinned_) cuda::record_event(tensor_.device().index, released_);
}

}  // namespace ebm
