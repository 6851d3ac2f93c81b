// Images at another size.
#pragma once

#include "core/tensor.h"

namespace ebm {

// x (N,H,W,C) -> (N,height,width,C), bilinear as TensorFlow 1 resizes, whose graph the published inception scores come
// from: output pixel p lies at p·H/height of the input, corner on corner, and the last row and column are repeated.
// (PyTorch puts it at (p + ½)·H/height − ½.)
Tensor resize_bilinear(const Tensor& x, int64_t height, int64_t width);

}  // namespace ebm
