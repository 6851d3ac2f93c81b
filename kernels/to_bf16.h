// fp32 numbers as bf16, two bytes each: what tensor cores of that type multiply. The rounding is that of
// round_operand.h, so that the CPU's emulation and a GPU multiply the same numbers.
#pragma once

#include "kernels/round_operand.h"

namespace ebm {

// The bits of the bf16 number next to x: the upper half of an fp32 number.
EBM_HD uint16_t bf16_bits(float x) {
  return static_cast<uint16_t>(__builtin_bit_cast(uint32_t, round_mantissa(x, 16)) >> 16);
}

// The memory of two tensors of bf16 numbers, each 16-byte aligned and filled up with zeros to whole 16 bytes.
struct Bf16Pair {
  Tensor a, b;  // (floats that make up the bytes); views of one allocation
};
// Both factors of a product at once, in one launch. Element order is kept.
Bf16Pair to_bf16(const Tensor& a, const Tensor& b);

}  // namespace ebm
