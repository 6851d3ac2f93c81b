// The persistent chain (docs/persistent_chain.md) run on the host: the loops, places and copies of a kernel,
// one cluster after another, with nothing but two arrays of plan.shared_bytes for its two blocks' shared
// memory. It is what the plan and the tiling are tested by, and what a kernel can be held against.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"
#include "kernels/langevin.h"
#include "kernels/persistent_chain.h"

namespace ebm::persistent {

// What tensor cores multiply. Rounding is to the nearest, ties to even; NaN stays NaN.
class Bf16 {
 public:
  Bf16() = default;
  explicit Bf16(float value) {
    const uint32_t word = __builtin_bit_cast(uint32_t, value);
    const bool nan = (word & 0x7FFFFFFF) > 0x7F800000;
    bits_ = static_cast<uint16_t>((nan ? word | 0x400000 : word + 0x7FFF + (word >> 16 & 1)) >> 16);
  }
  explicit operator float() const { return __builtin_bit_cast(float, uint32_t{bits_} << 16); }

 private:
  uint16_t bits_ = 0;
};

struct ChainWeights {
  std::vector<Tensor> weights, biases;  // of layers 1 … L: (K,R,S,C), (K)
  Tensor head;                          // (P·Q·K), summed over the outputs
};

// What was moved and multiplied, in all steps and clusters.
struct TwinCounts {
  std::vector<int64_t> weight_reads;    // of each packed element, from outside
  int64_t weight_bytes = 0;             // their sum: from outside into both blocks of a cluster at once
  std::vector<int64_t> products;        // of each pass: multiply-adds of whole tiles, as wgmma does them
  int64_t remote_values = 0;            // operands that a block read in the other's memory
};

// As langevin_chain (train/langevin.h): num_steps steps of x (N,H,W,C) in place, noise drawn from (key, step
// t, global chain first_chain + i). Operand: float or Bf16, of plan.operand_bytes. Throws Error where an
// access leaves a block's shared memory or a weight tile is not the one that the loops expect.
template <class Operand>
TwinCounts run_chain(const ChainPlan& plan, const ChainWeights& net, Tensor& x, int num_steps,
                     const LangevinStep& step, const RandomKey& key, int64_t first_chain = 0);

// A block's shared memory. Begins as bytes 0xFF: NaN in either kind of operand, so that what was never
// written shows in the result.
class Arena {
 public:
  explicit Arena(int bytes) : bytes_(bytes, 0xFF) {}
  // `count` values from this place on. Throws Error unless all of them lie inside and aligned.
  template <class T>
  T* at(int place, int count = 1) {
    check(place, sizeof(T), count);
    return reinterpret_cast<T*>(bytes_.data() + place);
  }

 private:
  void check(int place, int size, int count) const;

  std::vector<unsigned char> bytes_;
};

}  // namespace ebm::persistent
