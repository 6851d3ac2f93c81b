// The CPU's own matrix products: a tile of C is held in registers while the depth runs. Written with GCC's vector
// extension, whose width follows the processor the file is compiled for. Sums are fp32; what is multiplied is fp32 or
// bf16, two bf16 products at a time where the processor has them (AVX512-BF16) and by fp32 arithmetic elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/tensor.h"  // Bf16

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace ebm::cpu {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16, kTileRows = 6, kTileVecs = 4;  // 24 of 32 registers hold C
#elif defined(__AVX__)
inline constexpr int kLanes = 8, kTileRows = 6, kTileVecs = 2;  // 12 of 16
#else
inline constexpr int kLanes = 4, kTileRows = 4, kTileVecs = 2;
#endif
inline constexpr int kTileColumns = kLanes * kTileVecs;
// Depth after which C is put down: a panel of B of this depth stays in the first-level cache.
inline constexpr int kTileDepth = 128;

// A vector of floats at any address that a float may have.
typedef float Vec __attribute__((vector_size(kLanes * sizeof(float)), aligned(alignof(float)), may_alias));

typedef int IntVec __attribute__((vector_size(kLanes * sizeof(int)), aligned(alignof(int)), may_alias));
typedef uint32_t WordVec __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(alignof(uint32_t)), may_alias));
typedef uint16_t HalfVec __attribute__((vector_size(kLanes * sizeof(uint16_t)), aligned(alignof(uint16_t)), may_alias));

// Two neighbours of a product's depth, the first in the lower half: a bf16 matrix is one of pairs, of half the depth.
struct Bf16Pair {
  uint32_t bits;
};

// The bf16 numbers next to x: as bf16_of (kernels/round_operand.h), but that the processor's own conversion makes zeros of
// numbers below 2^-126.
inline HalfVec round_to_bf16(Vec x) {
#if defined(__AVX512BF16__)
  return reinterpret_cast<HalfVec>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(x)));
#else
  const WordVec bits = reinterpret_cast<WordVec>(x);
  return __builtin_convertvector((x == x ? bits + 0x7FFFu + ((bits >> 16) & 1u) : bits | 0x00400000u) >> 16, HalfVec);
#endif
}

// kLanes elements, as fp32.
inline Vec load(const float* from) { return *reinterpret_cast<const Vec*>(from); }
inline Vec load(const Bf16* from) {
  const HalfVec halves = *reinterpret_cast<const HalfVec*>(from);
  return reinterpret_cast<Vec>(__builtin_convertvector(halves, WordVec) << 16);
}
inline void store(float* to, Vec value) { *reinterpret_cast<Vec*>(to) = value; }
inline void store(Bf16* to, Vec value) { *reinterpret_cast<HalfVec*>(to) = round_to_bf16(value); }
// kLanes pairs.
inline WordVec load(const Bf16Pair* from) { return *reinterpret_cast<const WordVec*>(from); }
inline void store(Bf16Pair* to, Vec first, Vec second) {
  *reinterpret_cast<WordVec*>(to) = __builtin_convertvector(round_to_bf16(first), WordVec) |
                                    __builtin_convertvector(round_to_bf16(second), WordVec) << 16;
}

// Where a matrix is when the product starts: what is in memory is asked for a tile ahead.
enum class Residence { cache, memory };

// C (m,n) = A (m,depth) B, n a multiple of kLanes; B in the order that pack_index describes. T: float or Bf16Pair.
template <class T>
void packed_gemm(int64_t m, int64_t n, int64_t depth, const T* a, ptrdiff_t a_row, const T* b, float* c,
                 ptrdiff_t c_row, Residence a_in = Residence::cache);
// Where element (l, j) of a (depth, n) matrix lies: panels of kTileColumns columns (the last one narrower),
// each stored row after row.
inline int64_t pack_index(int64_t l, int64_t j, int64_t depth, int64_t n) {
  const int64_t first = j / kTileColumns * kTileColumns;
  const int64_t width = n - first < kTileColumns ? n - first : kTileColumns;
  return first * depth + l * width + (j - first);
}
// C (m,n) = or += Aᵀ B with A (depth,m), B (depth,n), both row-major; n a multiple of kLanes.
void transposed_gemm(int64_t m, int64_t n, int64_t depth, const float* a, ptrdiff_t a_row, const float* b,
                     ptrdiff_t b_row, float* c, ptrdiff_t c_row, bool accumulate);

}  // namespace ebm::cpu
