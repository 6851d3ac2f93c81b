// Borders of zeros around images, for libraries that only know the same padding on both sides.
#pragma once

#include "kernels/conv/conv.h"

namespace ebm {

// x (N,H,W,C) -> (N, H + pad_h.before + pad_h.after, W + pad_w.before + pad_w.after, C)
Tensor pad_images(const Tensor& x, Padding pad_h, Padding pad_w);
// The reverse: cuts the borders off into y (N,H,W,C).
void crop_images(const Tensor& padded, Padding pad_h, Padding pad_w, Tensor& y);

}  // namespace ebm
