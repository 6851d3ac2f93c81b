// y = x wᵀ + b:  x (N,I)  w (O,I)  b (O)  y (N,O).
#pragma once

#include "core/tensor.h"

namespace ebm {

// b may be undefined.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b);
Tensor linear_backward_data(const Tensor& dy, const Tensor& w);    // dx (N,I)
Tensor linear_backward_weight(const Tensor& x, const Tensor& dy);  // dw (O,I)

// Row-major C (m,n) = op(A) op(B) + beta·C, op being the transpose where asked; A is (m,k) or (k,m).
namespace cpu {
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
          float beta, float* c);
}
namespace cuda {
// On the device's stream, in the precision of the mode (core/precision.h); pointers are device memory.
void gemm(Device device, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          const float* b, float beta, float* c);
// C (n,n) = A B with operands that lie in memory as bf16, 2 bytes each: how fast bf16 can be, for `ebm bench`.
void product_of_bf16(Device device, int64_t n, const void* a, const void* b, float* c);
}  // namespace cuda

}  // namespace ebm
