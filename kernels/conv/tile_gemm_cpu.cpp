#include "kernels/conv/tile_gemm.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ebm::cpu {
namespace {

// C (rows, vecs·kLanes) = or += A (rows, depth) B (depth, vecs·kLanes).
// Element (i, l) of A is a[i·a_row + l·a_depth]; row l of B is b[l·b_row]; row i of C is c[i·c_row].
template <class T>
struct TileOperands {
  const T* a;
  ptrdiff_t a_row, a_depth;
  const T* b;
  ptrdiff_t b_row;
  float* c;
  ptrdiff_t c_row;
};

// sum + factor · row; of a pair both products.
inline Vec multiply_add(float factor, Vec row, Vec sum) { return sum + factor * row; }
inline Vec multiply_add(Bf16Pair factor, WordVec row, Vec sum) {
#if defined(__AVX512BF16__)
  const auto factors = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(factor.bits)));
  return reinterpret_cast<Vec>(
      _mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), factors, reinterpret_cast<__m512bh>(row)));
#else
  const float first = __builtin_bit_cast(float, factor.bits << 16);
  const float second = __builtin_bit_cast(float, factor.bits & 0xFFFF0000u);
  return sum + first * reinterpret_cast<Vec>(row << 16) + second * reinterpret_cast<Vec>(row & 0xFFFF0000u);
#endif
}

// always_inline: the two callers below fix a_depth, and with 1 the loads need no multiplication.
template <int kRows, int kVecs, class T>
__attribute__((always_inline)) inline void product(const TileOperands<T>& o, ptrdiff_t a_depth, int depth,
                                                   bool accumulate) {
  Vec sum[kRows][kVecs];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) sum[i][j] = Vec{};
  const T* a = o.a;
  const T* b = o.b;
  for (int l = 0; l < depth; ++l, a += a_depth, b += o.b_row) {
    decltype(load(b)) row[kVecs];
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) row[j] = load(b + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const T factor = a[i * o.a_row];
#pragma GCC unroll 8
      for (int j = 0; j < kVecs; ++j) sum[i][j] = multiply_add(factor, row[j], sum[i][j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) {
      float* c = o.c + i * o.c_row + j * kLanes;
      store(c, accumulate ? load(c) + sum[i][j] : sum[i][j]);
    }
}

template <class T, int kRows, int kVecs>
void product_of(const TileOperands<T>& o, int depth, bool accumulate) {
  if (o.a_depth == 1) {
    product<kRows, kVecs>(o, 1, depth, accumulate);
  } else {
    product<kRows, kVecs>(o, o.a_depth, depth, accumulate);
  }
}

template <class T>
using TileProduct = void (*)(const TileOperands<T>& operands, int depth, bool accumulate);

template <class T, size_t... kIndex>
constexpr auto all_products(std::index_sequence<kIndex...>) {
  return std::array<TileProduct<T>, sizeof...(kIndex)>{
      product_of<T, static_cast<int>(kIndex) / kTileVecs + 1, static_cast<int>(kIndex) % kTileVecs + 1>...};
}

template <class T>
constexpr auto kProducts = all_products<T>(std::make_index_sequence<kTileRows * kTileVecs>());

// Rows `from` up to `to` of A, each of `depth` elements.
template <class T>
void prefetch_rows(int64_t from, int64_t to, const TileOperands<T>& o, int depth) {
  constexpr int kCacheLine = 64 / sizeof(T);
  for (int64_t i = from; i < to; ++i)
    for (int l = 0; l < depth; l += kCacheLine) __builtin_prefetch(o.a + i * o.a_row + l);
}

// Covers C (m, width) with register tiles.
template <class T>
void cover(int64_t m, int width, const TileOperands<T>& first, int depth, bool accumulate,
           Residence a_in = Residence::cache) {
  TileOperands<T> o = first;
  for (int64_t i = 0; i < m; i += kTileRows) {
    const int rows = static_cast<int>(std::min<int64_t>(kTileRows, m - i));
    o.a = first.a + i * first.a_row;
    o.c = first.c + i * first.c_row;
    if (a_in == Residence::memory) prefetch_rows(i + kTileRows, std::min<int64_t>(i + 2 * kTileRows, m), first, depth);
    kProducts<T>[(rows - 1) * kTileVecs + width / kLanes - 1](o, depth, accumulate);
  }
}

}  // namespace

template <class T>
void packed_gemm(int64_t m, int64_t n, int64_t depth, const T* a, ptrdiff_t a_row, const T* b, float* c,
                 ptrdiff_t c_row, Residence a_in) {
  for (int64_t j = 0; j < n; j += kTileColumns) {
    const int width = static_cast<int>(std::min<int64_t>(kTileColumns, n - j));
    for (int64_t l = 0; l < depth; l += kTileDepth) {
      const int part = static_cast<int>(std::min<int64_t>(kTileDepth, depth - l));
      cover<T>(m, width, {a + l, a_row, 1, b + j * depth + l * width, width, c + j, c_row}, part, l > 0, a_in);
    }
  }
}

template void packed_gemm(int64_t, int64_t, int64_t, const float*, ptrdiff_t, const float*, float*, ptrdiff_t,
                          Residence);
template void packed_gemm(int64_t, int64_t, int64_t, const Bf16Pair*, ptrdiff_t, const Bf16Pair*, float*, ptrdiff_t,
                          Residence);

void transposed_gemm(int64_t m, int64_t n, int64_t depth, const float* a, ptrdiff_t a_row, const float* b,
                     ptrdiff_t b_row, float* c, ptrdiff_t c_row, bool accumulate) {
  for (int64_t l = 0; l < depth; l += kTileDepth) {
    const int part = static_cast<int>(std::min<int64_t>(kTileDepth, depth - l));
    for (int64_t j = 0; j < n; j += kTileColumns) {
      const int width = static_cast<int>(std::min<int64_t>(kTileColumns, n - j));
      cover<float>(m, width, {a + l * a_row, 1, a_row, b + l * b_row + j, b_row, c + j, c_row}, part,
                   accumulate || l > 0);
    }
  }
}

}  // namespace ebm::cpu
