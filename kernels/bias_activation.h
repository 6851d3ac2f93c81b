// The end of a layer in either direction, in place: one read and one write of what is changed. Maps are fp32 or bf16,
// a mask's as what it is applied to; a bias is fp32.
#pragma once

#include "kernels/leaky_relu.h"

namespace ebm {

// y = leaky_relu(y + b), y (…,C), b (C), or as y of (N,P,Q,K), or undefined. negative_slope: 1 leaves the sum as it is, 0 is ReLU.
void bias_activation(Tensor& y, const Tensor& b, float negative_slope);
// dy · leaky_relu', if there is a mask.
void pass_through(const LeakyMask& mask, Tensor& dy);

}  // namespace ebm
