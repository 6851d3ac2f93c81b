#include "kernels/conv/tile_gemm.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ebm::cpu {
namespace {

// always_inline: the two callers below fix a_depth, and with 1 the loads need no multiplication.
template <int kRows, int kVecs>
__attribute__((always_inline)) inline void product(const TileOperands& o, ptrdiff_t a_depth, int depth,
                                                   bool accumulate) {
  Vec sum[kRows][kVecs];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) sum[i][j] = Vec{};
  const float* a = o.a;
  const float* b = o.b;
  for (int l = 0; l < depth; ++l, a += a_depth, b += o.b_row) {
    Vec row[kVecs];
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) row[j] = load(b + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const float factor = a[i * o.a_row];
#pragma GCC unroll 8
      for (int j = 0; j < kVecs; ++j) sum[i][j] += factor * row[j];
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

template <int kRows, int kVecs>
void product_of(const TileOperands& o, int depth, bool accumulate) {
  if (o.a_depth == 1) {
    product<kRows, kVecs>(o, 1, depth, accumulate);
  } else {
    product<kRows, kVecs>(o, o.a_depth, depth, accumulate);
  }
}

template <size_t... kIndex>
constexpr auto all_products(std::index_sequence<kIndex...>) {
  return std::array<TileProduct, sizeof...(kIndex)>{
      product_of<static_cast<int>(kIndex) / kTileVecs + 1, static_cast<int>(kIndex) % kTileVecs + 1>...};
}

constexpr auto kProducts = all_products(std::make_index_sequence<kTileRows * kTileVecs>());

// Rows `from` up to `to` of A, each `depth` floats.
void prefetch_rows(int64_t from, int64_t to, const TileOperands& o, int depth) {
  constexpr int kCacheLine = 64 / sizeof(float);
  for (int64_t i = from; i < to; ++i)
    for (int l = 0; l < depth; l += kCacheLine) __builtin_prefetch(o.a + i * o.a_row + l);
}

// Covers C (m, width) with register tiles.
void cover(int64_t m, int width, const TileOperands& first, int depth, bool accumulate,
           Residence a_in = Residence::cache) {
  TileOperands o = first;
  for (int64_t i = 0; i < m; i += kTileRows) {
    const int rows = static_cast<int>(std::min<int64_t>(kTileRows, m - i));
    o.a = first.a + i * first.a_row;
    o.c = first.c + i * first.c_row;
    if (a_in == Residence::memory) prefetch_rows(i + kTileRows, std::min<int64_t>(i + 2 * kTileRows, m), first, depth);
    tile_product(rows, width / kLanes)(o, depth, accumulate);
  }
}

}  // namespace

TileProduct tile_product(int rows, int vecs) { return kProducts[(rows - 1) * kTileVecs + vecs - 1]; }

void packed_gemm(int64_t m, int64_t n, int64_t depth, const float* a, ptrdiff_t a_row, const float* b, float* c,
                 ptrdiff_t c_row, Residence a_in) {
  for (int64_t j = 0; j < n; j += kTileColumns) {
    const int width = static_cast<int>(std::min<int64_t>(kTileColumns, n - j));
    for (int64_t l = 0; l < depth; l += kTileDepth) {
      const int part = static_cast<int>(std::min<int64_t>(kTileDepth, depth - l));
      cover(m, width, {a + l, a_row, 1, b + j * depth + l * width, width, c + j, c_row}, part, l > 0, a_in);
    }
  }
}

void transposed_gemm(int64_t m, int64_t n, int64_t depth, const float* a, ptrdiff_t a_row, const float* b,
                     ptrdiff_t b_row, float* c, ptrdiff_t c_row, bool accumulate) {
  for (int64_t l = 0; l < depth; l += kTileDepth) {
    const int part = static_cast<int>(std::min<int64_t>(kTileDepth, depth - l));
    for (int64_t j = 0; j < n; j += kTileColumns) {
      const int width = static_cast<int>(std::min<int64_t>(kTileColumns, n - j));
      cover(m, width, {a + l * a_row, 1, a_row, b + l * b_row + j, b_row, c + j, c_row}, part, accumulate || l > 0);
    }
  }
}

}  // namespace ebm::cpu
