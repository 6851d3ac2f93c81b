// The leaky ReLU as other kernels meet it: its derivative, and the mask that a layer's output is for the
// gradient which comes down to it.
#pragma once

#include "core/random.h"  // EBM_HD
#include "core/tensor.h"

namespace ebm {

// From y = leaky_relu(s), slope in [0, 1]: y keeps the sign of s.
EBM_HD float leaky_derivative(float y, float negative_slope) { return y > 0 ? 1.0f : negative_slope; }

// y = leaky_relu(s). A kernel that makes ∂/∂y and is given this returns ∂/∂s = ∂/∂y · leaky_relu'(s) in the
// same pass. With y undefined there is nothing to do.
struct LeakyMask {
  Tensor y;
  float negative_slope = 1.0f;
};

}  // namespace ebm
