// The gradient of a convolution's weights by its definition, for where a library has nothing that gives the same bits
// every time. Slow: no tensor cores, no tiles.
#pragma once

#include "kernels/conv/conv.h"

namespace ebm {

// dw (K,R,S,C) from x (N,H,W,C) and dy (N,P,Q,K), in fp32 on either device, summed in a fixed order without atomics.
// Shapes are those that conv2d_backward_weight has checked.
void conv2d_backward_weight_plain(const Tensor& x, const Tensor& dy, const ConvGeometry& geometry, Tensor& dw);

}  // namespace ebm
