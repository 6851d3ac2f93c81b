// Blocks of 2×2 pixels as channels, and back. Each is the other's inverse and adjoint.
#pragma once

#include "core/tensor.h"

namespace ebm {

// x (N,H,W,C), H and W even -> (N,H/2,W/2,4C): channel (2·i + j)·C + c is channel c of the pixel in row i, column j.
Tensor space_to_depth(const Tensor& x);
// x (N,P,Q,4C) -> (N,2P,2Q,C)
Tensor depth_to_space(const Tensor& x);

}  // namespace ebm
