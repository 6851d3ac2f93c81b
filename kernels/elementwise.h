// Elementwise maths: value and derivative of each function side by side (elementwise.cu).
#pragma once

#include "core/tensor.h"

namespace ebm {

enum class Unary { leaky_relu, tanh, swish, sigmoid, softplus, square, exp, log, abs, scale };
enum class Binary { add, sub, mul };

// y = f(x). `parameter`: the negative slope of leaky_relu (0 is ReLU), the factor of scale.
Tensor unary(Unary f, const Tensor& x, float parameter = 0.0f);
// dx = dy · f'(x), given both x and y = f(x). leaky_relu, tanh, sigmoid and exp read only y; the others
// read only x, so the one that is not read may be undefined.
Tensor unary_backward(Unary f, const Tensor& x, const Tensor& y, const Tensor& dy, float parameter = 0.0f);
// Whether the derivative reads x (else y).
bool derivative_reads_input(Unary f);

// y = a ∘ b, equal shapes.
Tensor binary(Binary f, const Tensor& a, const Tensor& b);

// y = x + b, b (C) along the last extent of x (…, C).
Tensor add_bias(const Tensor& x, const Tensor& b);

// In place: y += factor · x.
void add_scaled(Tensor& y, const Tensor& x, float factor);
// In place: x *= factor.
void scale_in_place(Tensor& x, float factor);
// In place: every element becomes value.
void fill(Tensor& x, float value);
// A new tensor of one value.
Tensor full(const Shape& shape, float value, Device device);

}  // namespace ebm
