// The innermost loop of the CPU's own matrix products: a tile of C held in registers while the depth runs.
// Written with GCC's vector extension, whose width follows the processor the file is compiled for.
#pragma once

#include <cstddef>
#include <cstdint>

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

inline Vec load(const float* from) { return *reinterpret_cast<const Vec*>(from); }
inline void store(float* to, Vec value) { *reinterpret_cast<Vec*>(to) = value; }

// C (rows, vecs·kLanes) = or += A (rows, depth) B (depth, vecs·kLanes).
// Element (i, l) of A is a[i·a_row + l·a_depth]; row l of B is b[l·b_row]; row i of C is c[i·c_row].
struct TileOperands {
  const float* a;
  ptrdiff_t a_row, a_depth;
  const float* b;
  ptrdiff_t b_row;
  float* c;
  ptrdiff_t c_row;
};
using TileProduct = void (*)(const TileOperands& operands, int depth, bool accumulate);
// rows 1 … kTileRows, vecs 1 … kTileVecs.
TileProduct tile_product(int rows, int vecs);

// Where a matrix is when the product starts: what is in memory is asked for a tile ahead.
enum class Residence { cache, memory };

// C (m,n) = A (m,depth) B, n a multiple of kLanes; B in the order that pack_index describes.
void packed_gemm(int64_t m, int64_t n, int64_t depth, const float* a, ptrdiff_t a_row, const float* b, float* c,
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
