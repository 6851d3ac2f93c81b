#include "kernels/linear.h"

#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/round_operand.h"

namespace ebm {
namespace {

void gemm(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, int64_t k, Tensor& c) {
  const int64_t m = c.extent(0), n = c.extent(1);
  if (c.device().is_cuda()) {
    cuda::gemm(c.device(), transpose_a, transpose_b, m, n, k, a.data(), b.data(), 0.0f, c.mutable_data());
  } else {
    const Tensor ra = round_operands(a, precision()), rb = round_operands(b, precision());
    cpu::gemm(transpose_a, transpose_b, m, n, k, ra.data(), rb.data(), 0.0f, c.mutable_data());
  }
}

// Both are matrices on one device; extent i of a is extent j of b. `expected` names them with shapes.
void check_matrices(const char* op, const char* expected, const Tensor& a, int i, const Tensor& b, int j) {
  EBM_CHECK(a.defined() && b.defined(), op, "an undefined tensor", expected);
  EBM_CHECK(a.rank() == 2 && b.rank() == 2 && a.extent(i) == b.extent(j), op,
            to_string(a.shape()) + " and " + to_string(b.shape()), expected);
  check_same_device(op, a, b);
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b) {
  check_matrices("linear", "x (N,I) and w (O,I)", x, 1, w, 1);
  Tensor y = Tensor::empty({x.extent(0), w.extent(0)}, x.device());  // (N,O)
  gemm(false, true, x, w, x.extent(1), y);
  return b.defined() ? add_bias(y, b) : y;
}

Tensor linear_backward_data(const Tensor& dy, const Tensor& w) {
  check_matrices("linear_backward_data", "dy (N,O) and w (O,I)", dy, 1, w, 0);
  Tensor dx = Tensor::empty({dy.extent(0), w.extent(1)}, dy.device());  // (N,I)
  gemm(false, false, dy, w, w.extent(0), dx);
  return dx;
}

Tensor linear_backward_weight(const Tensor& x, const Tensor& dy) {
  check_matrices("linear_backward_weight", "x (N,I) and dy (N,O)", x, 0, dy, 0);
  Tensor dw = Tensor::empty({dy.extent(1), x.extent(1)}, x.device());  // (O,I)
  gemm(true, false, dy, x, x.extent(0), dw);
  return dw;
}

}  // namespace ebm
