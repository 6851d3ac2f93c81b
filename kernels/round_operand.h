// The rounding of an operand in the reduced precisions (core/precision.h), to the nearest, ties to even. A
// GPU's own conversion to tf32 may treat ties differently, by one unit of the tenth bit.
#pragma once

#include "core/precision.h"
#include "core/random.h"  // EBM_HD
#include "core/tensor.h"

namespace ebm {

// x with the last `dropped` bits of its mantissa rounded away. Beyond the largest number: infinity. NaN
// stays NaN.
EBM_HD float round_mantissa(float x, int dropped) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const uint32_t last = uint32_t{1} << dropped;  // of the bits that stay
  const uint32_t rounded = (bits + (last / 2 - 1) + ((bits >> dropped) & 1)) & ~(last - 1);
  const bool nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;  // its payload might round to nothing
  return __builtin_bit_cast(float, nan ? bits | 0x00400000u : rounded);
}

// The bf16 number next to x.
EBM_HD Bf16 bf16_of(float x) {
  return {static_cast<uint16_t>(__builtin_bit_cast(uint32_t, round_mantissa(x, 16)) >> 16)};
}

EBM_HD float round_operand(float x, Precision precision) {
  switch (precision) {
    case Precision::tf32: return round_mantissa(x, 13);
    case Precision::bf16: return round_mantissa(x, 16);
    default: return x;
  }
}

// All of x rounded; x itself in fp32.
Tensor round_operands(const Tensor& x, Precision precision);

}  // namespace ebm
