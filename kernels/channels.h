// Joining and cutting along the last extent (channels).
#pragma once

#include "core/tensor.h"

namespace ebm {

// a (…,A), b (…,B) -> (…,A+B); all other extents equal.
Tensor concat_channels(const Tensor& a, const Tensor& b);
// Channels first … first+count-1 of x (…,C) -> (…,count).
Tensor slice_channels(const Tensor& x, int64_t first, int64_t count);
// dx (…,C): dy (…,count) at channels first …, zero elsewhere.
Tensor slice_channels_backward(const Tensor& dy, int64_t first, const Shape& x_shape);

}  // namespace ebm
