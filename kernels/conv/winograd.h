// Minimal filtering (Winograd 1980; Lavin and Gray, arXiv:1509.09308) along one axis, by the Cook-Toom
// construction. F(m, r): m outputs y_i = Σ_j d_{i+j} g_j of an r-tap filter g from n = m + r - 1 inputs d by
// n multiplications instead of m·r:
//   y = Aᵀ[(G g) ⊙ (Bᵀ d)]
// G and A evaluate polynomials at n points, Bᵀ is the inverse transpose of that evaluation of n
// coefficients. The points of F(m, r) are the first n of one fixed list and G is left unscaled, so G g of a
// smaller m is a leading part of G g of a larger one: tiles of different sizes share transformed weights.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/conv/tile_gemm.h"

namespace ebm::cpu {

inline constexpr int kMaxPoints = 6;
inline constexpr int kPointAtInfinity = 1;  // its place in the list
// The usual points ±1, ±2 give twice the rounding error of these, at the same cost.
inline constexpr double kPoints[kMaxPoints] = {0.0, /* infinity */ 0.0, 0.75, -0.75, 1.5, -1.5};

// Value at point `index` of the monomial x^power, among polynomials of `terms` coefficients.
constexpr double evaluate_monomial(int index, int power, int terms) {
  if (index == kPointAtInfinity) return power == terms - 1 ? 1.0 : 0.0;
  double value = 1.0;
  for (int i = 0; i < power; ++i) value *= kPoints[index];
  return value;
}

template <int kRows, int kColumns>
struct Matrix {
  double at[kRows][kColumns] = {};
};

template <int kRows, int kColumns>
constexpr Matrix<kColumns, kRows> transpose(const Matrix<kRows, kColumns>& a) {
  Matrix<kColumns, kRows> t;
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) t.at[j][i] = a.at[i][j];
  return t;
}

template <int kRows, int kColumns>
constexpr Matrix<kRows, kColumns> evaluation() {
  Matrix<kRows, kColumns> v;
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) v.at[i][j] = evaluate_monomial(i, j, kColumns);
  return v;
}

// Gauss-Jordan elimination.
template <int kSize>
constexpr Matrix<kSize, kSize> inverse(Matrix<kSize, kSize> a) {
  Matrix<kSize, kSize> b;
  for (int i = 0; i < kSize; ++i) b.at[i][i] = 1.0;
  for (int column = 0; column < kSize; ++column) {
    int pivot = column;
    for (int i = column; i < kSize; ++i)
      if (a.at[i][column] * a.at[i][column] > a.at[pivot][column] * a.at[pivot][column]) pivot = i;
    for (int j = 0; j < kSize; ++j) {
      const double x = a.at[column][j], y = b.at[column][j];
      a.at[column][j] = a.at[pivot][j], b.at[column][j] = b.at[pivot][j];
      a.at[pivot][j] = x, b.at[pivot][j] = y;
    }
    const double scale = 1.0 / a.at[column][column];
    for (int j = 0; j < kSize; ++j) a.at[column][j] *= scale, b.at[column][j] *= scale;
    for (int i = 0; i < kSize; ++i) {
      const double factor = a.at[i][column];
      if (i == column || factor == 0.0) continue;
      for (int j = 0; j < kSize; ++j) {
        a.at[i][j] -= factor * a.at[column][j];
        b.at[i][j] -= factor * b.at[column][j];
      }
    }
  }
  // What should be zero may be a rounding error, which would cost a multiplication.
  for (auto& row : b.at)
    for (double& x : row)
      if (x * x < 1e-20) x = 0.0;
  return b;
}

// A transform of vectors lying in_step apart to vectors out_step apart, repeated for `lines` lines.
using LineTransform = void (*)(const float* in, ptrdiff_t in_step, ptrdiff_t in_line, float* out, ptrdiff_t out_step,
                               ptrdiff_t out_line, int lines);

// out = kMatrix · in; its zeros cost nothing once the loops are unrolled.
template <auto kMatrix, int kRows, int kColumns>
void apply(const float* in, ptrdiff_t in_step, ptrdiff_t in_line, float* out, ptrdiff_t out_step, ptrdiff_t out_line,
           int lines) {
  for (int line = 0; line < lines; ++line, in += in_line, out += out_line) {
    Vec value[kColumns];
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j) value[j] = load(in + j * in_step);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      Vec sum{};
      bool any = false;
#pragma GCC unroll 8
      for (int j = 0; j < kColumns; ++j) {
        const float factor = static_cast<float>(kMatrix.at[i][j]);
        if (factor == 0.0f) continue;
        sum = any ? sum + factor * value[j] : factor * value[j];
        any = true;
      }
      store(out + i * out_step, sum);
    }
  }
}

// The four data transforms of F(m, r). The adjoints carry gradients back.
struct TileTransforms {
  int outputs, points;           // m, n
  LineTransform input;           // Bᵀ: n inputs to n points
  LineTransform input_adjoint;   // B
  LineTransform output;          // Aᵀ: n points to m outputs
  LineTransform output_adjoint;  // A
};

template <int kOutputs, int kTaps>
constexpr TileTransforms tile_transforms() {
  constexpr int n = kOutputs + kTaps - 1;
  constexpr Matrix<n, n> b = inverse(evaluation<n, n>());
  constexpr Matrix<n, n> bt = transpose(b);
  constexpr Matrix<n, kOutputs> a = evaluation<n, kOutputs>();
  constexpr Matrix<kOutputs, n> at = transpose(a);
  return {kOutputs, n, apply<bt, n, n>, apply<b, n, n>, apply<at, kOutputs, n>, apply<a, n, kOutputs>};
}

// F(m, taps) for taps 2 … 4 and m up to kMaxPoints + 1 - taps, at most 4.
TileTransforms tile_transforms(int outputs, int taps);
inline constexpr int max_tile_outputs(int taps) { return kMaxPoints + 1 - taps < 4 ? kMaxPoints + 1 - taps : 4; }

}  // namespace ebm::cpu
