// The squared error of an image that a last tanh makes, with its derivative, in one pass over both.
#pragma once

#include "core/tensor.h"

namespace ebm {

struct TanhError {
  Tensor error;       // Σ (tanh(s) − x)² of each row, (N)
  Tensor derivative;  // of a row's error by s: 2·(tanh(s) − x)·(1 − tanh²(s)), (N, …)
};
// s and x (N, …), of the same shape.
TanhError tanh_error(const Tensor& s, const Tensor& x);
// The derivative where error i counts dy_i: dy (N) times the rows of `derivative` (N, …).
Tensor tanh_error_backward(const Tensor& derivative, const Tensor& dy);

}  // namespace ebm
