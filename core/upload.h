// Host values on their way to a tensor: on a GPU pinned memory whose copy runs beside the device's work.
#pragma once

#include <span>

#include "core/tensor.h"

namespace ebm {

class Upload {
 public:
  Upload(const Shape& shape, Device device);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // The values to send, to be written; waits until the last copy has read them.
  std::span<float> host();
  // Begins the copy of host(), as soon as the device is done with the tensor (release()).
  void start();
  // The tensor with the values of the last start(): what the device is given from now on waits for them.
  const Tensor& tensor();
  // The device has been given all work that reads tensor().
  void release();

 private:
  Tensor tensor_;  // on the CPU host() is its memory
  float* pinned_ = nullptr;
  void *copied_ = nullptr, *released_ = nullptr;  // events
};

}  // namespace ebm
