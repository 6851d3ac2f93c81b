// A tensor's values on their way to the host: on a GPU by pinned memory, so that nobody waits until they are
// read.
#pragma once

#include <span>

#include "core/tensor.h"

namespace ebm {

class Download {
 public:
  Download(const Shape& shape, Device device);
  ~Download();
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  // Begins to copy `from`, of this shape and device, in order with the device's work: what is given to the
  // device later may overwrite it. What host() gave before is no more.
  void start(const Tensor& from);
  // The values of the last start(), valid until the next; waits for them, not for what was begun since. Zeros
  // before any.
  std::span<const float> host();

 private:
  Shape shape_;
  Device device_;
  std::vector<float> values_;  // on the CPU
  float* pinned_ = nullptr;
  void* copied_ = nullptr;  // event
};

}  // namespace ebm
