// Pooling over windows of an image. The largest has no derivative here: it is for networks that are not trained.
//   x (N,H,W,C) -> y (N,P,Q,C),   P = (H + pad_h.before + pad_h.after - window)/stride_h + 1, Q likewise
#pragma once

#include "kernels/conv/conv.h"

namespace ebm {

// The largest value of each window × window pixels; the border around the image takes no part.
Tensor max_pool2d(const Tensor& x, int window, const ConvGeometry& geometry);
// The mean of those of them that lie in the image: TensorFlow's rule, where PyTorch counts the border's zeros.
Tensor average_pool2d(const Tensor& x, int window, const ConvGeometry& geometry);
// dx (N,H,W,C) = x_shape from dy (N,P,Q,C).
Tensor average_pool2d_backward(const Tensor& dy, const Shape& x_shape, int window, const ConvGeometry& geometry);
// The mean of all pixels: (N,H,W,C) -> (N,C).
Tensor average_pixels(const Tensor& x);
// factor · v at every pixel: v (N,C) -> (N,H,W,C) = shape.
Tensor expand_pixels(const Tensor& v, const Shape& shape, float factor);

}  // namespace ebm
