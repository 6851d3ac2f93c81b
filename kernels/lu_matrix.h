// A square matrix by its factors, so that its determinant is a sum: W = P·L·U (Kingma and Dhariwal 2018, equation 10).
#pragma once

#include "core/tensor.h"

namespace ebm {

// P and the signs of U's diagonal; they stay what they were at the start.
struct LuPattern {
  Tensor rows;   // (C): row i of L·U is row rows[i] of W, whole numbers
  Tensor signs;  // (C): 1 or -1
};

// lower, upper (C,C), log_s (C) -> W (C,C). L has ones on its diagonal and lower's elements below it; U has signs·exp(log_s)
// on its diagonal and upper's elements above it. What else stands in lower and upper is not looked at. log|det W| = Σ log_s.
Tensor lu_matrix(const Tensor& lower, const Tensor& log_s, const Tensor& upper, const LuPattern& pattern);

struct LuGradients {
  Tensor lower, log_s, upper;  // zero where an element is not looked at
};
LuGradients lu_matrix_backward(const Tensor& lower, const Tensor& log_s, const Tensor& upper, const LuPattern& pattern,
                               const Tensor& dw);

}  // namespace ebm
