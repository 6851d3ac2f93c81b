// Between fp32 tensors and bf16 ones, two bytes an element: what tensor cores of that type multiply. The rounding is
// that of round_operand.h, so that the CPU's emulation and a GPU multiply the same numbers.
#pragma once

#include <utility>

#include "core/tensor.h"

namespace ebm {

// x rounded, of the same shape; x itself where it is bf16 already.
Tensor to_bf16(const Tensor& x);
// Both factors of a product at once, in one launch where both are fp32.
std::pair<Tensor, Tensor> to_bf16(const Tensor& a, const Tensor& b);
// x as fp32, exactly; x itself where it is fp32 already.
Tensor to_fp32(const Tensor& x);

}  // namespace ebm
