// The end of a layer, in place: y = leaky_relu(y + b), one read and one write.
#pragma once

#include "core/tensor.h"

namespace ebm {

// y (…,C), b (C) or undefined. negative_slope: 1 leaves the sum as it is, 0 is ReLU.
void bias_activation(Tensor& y, const Tensor& b, float negative_slope);

}  // namespace ebm
