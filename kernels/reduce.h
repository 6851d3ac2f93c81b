// Sums over a tensor. A row is everything under one index of the first extent: an image, a latent vector.
// On the CPU the partial sums are split by fixed blocks, so a result does not depend on the thread count.
#pragma once

#include "core/tensor.h"
#include "kernels/leaky_relu.h"

namespace ebm {

Tensor sum(const Tensor& x);             // (…) -> (1)
Tensor sum_squares(const Tensor& x);     // (…) -> (1), Σ x²
Tensor sum_rows(const Tensor& x);        // (N, …) -> (N)
Tensor sum_columns(const Tensor& x);     // (…, C) -> (C): the gradient of a bias
Tensor sum_first(const Tensor& x);       // (K, …) -> (1, …): over the first extent
Tensor max_abs(const Tensor& x);         // (N, …) -> (1), max |x|; NaN where there is one
Tensor logsumexp_rows(const Tensor& x);  // (N, M) -> (N): log Σ_j exp(x_ij), without overflow

// In place: every row of x (N, …) to length 1. Returns the lengths that they had, (N). For rows of some hundred elements.
Tensor normalise_rows(Tensor& x);

// Derivatives that spread one value over many elements.
Tensor expand(const Tensor& dy, const Shape& shape, float factor);       // dy (1)
Tensor expand_rows(const Tensor& dy, const Shape& shape, float factor);  // dy (N) -> (N, …)
// dy (1, …) -> (K, …), through the leaky ReLU of `mask` where it has one; its y is (K, …), and of the type that the
// result is to have.
Tensor expand_first(const Tensor& dy, const Shape& shape, const LeakyMask& mask = {});
// dx_ij = dy_i · exp(x_ij - y_i)
Tensor logsumexp_rows_backward(const Tensor& x, const Tensor& y, const Tensor& dy);

}  // namespace ebm
