// How a convolution is cut into Winograd tiles and how the transformed data lie in memory.
//
// A strided convolution is a sum of stride-1 ones over the phases of its input: with i = stride·t + phase,
//   y[p] = Σ_phase Σ_t x[stride·(p + t) + phase − before] w[stride·t + phase]
// so one phase is one more block of input channels, and taps = ⌈R / stride⌉.
//
// Transformed, each of the points (i, j) of a tile is an independent matrix product over all tiles:
//   M_ij (rows, K) = V_ij (rows, channels_ij) U_ij (channels_ij, K)
// rows being the tiles of all images that have this point (a smaller tile has fewer), channels_ij the
// C channels of each phase whose weights do not vanish there.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv/conv_routine.h"
#include "kernels/conv/winograd.h"

namespace ebm::cpu {

// One of the two directions of an image.
struct WinogradAxis {
  int stride, kernel, before, in, out;
  int taps;    // of one phase
  int tile;    // outputs of a full tile
  int points;  // of a full tile

  // Full tiles, then at most one smaller one for the rest.
  struct Kind {
    TileTransforms transforms;
    int first, count;  // first output; number of tiles, side by side
  };
  std::vector<Kind> kinds;

  WinogradAxis(int stride, int kernel, int before, int in, int out);
  // Whether the weights of a phase vanish at a point: the one at infinity reads the last tap alone.
  bool vanishes(int phase, int point) const {
    return point == kPointAtInfinity && stride * (taps - 1) + phase >= kernel;
  }
  // x coordinate of tap 0 of output `p` in a phase.
  int input_of(int p, int phase) const { return stride * p + phase - before; }
};

struct WinogradLayout {
  // A point (i, j) of the tiles.
  struct Point {
    std::vector<int> slot;  // by phase: which block of C channels it is here, -1: none
    int channels = 0;       // C · number of slots
    int rows_per_image = 0;
    int first_row[4] = {-1, -1, -1, -1};       // by tile group, per image; -1: those tiles lack this point
    int64_t v_per_image = 0, m_per_image = 0;  // floats of all points before this one, per image
    int64_t weights = 0;                       // offset of U_ij
  };

  WinogradAxis vertical, horizontal;
  int c, k;
  std::vector<Point> points;  // (vertical.points, horizontal.points)
  int64_t v_per_image = 0, m_per_image = 0, weights_size = 0;

  explicit WinogradLayout(const ConvProblem& problem);

  static bool applies_to(const ConvProblem& problem);
  int phases() const { return vertical.stride * horizontal.stride; }
  // Multiplications of one image, to compare with the P·Q·R·S·C·K of the definition.
  int64_t multiplications_per_image() const;
};

// U = G w Gᵀ of each phase, from w (K,R,S,C) into the order in which packed_gemm reads it (tile_gemm.h):
// (channels, K), or with `transposed` (K, channels). Of bf16 weights U is rounded, and lies as pairs of its depth.
void pack_weights(const WinogradLayout& layout, bool transposed, const float* w, float* u);
void pack_weights(const WinogradLayout& layout, bool transposed, const Bf16* w, Bf16* u);
// dw = Gᵀ dU G of each phase, dU being (K, channels) by point. Every tap of w belongs to one phase, so dw
// is written once.
void unpack_weights(const WinogradLayout& layout, const float* du, float* dw);

}  // namespace ebm::cpu
