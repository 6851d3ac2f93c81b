// The index arithmetic of a Langevin chain that runs in one launch (docs/persistent_chain.md): which rows,
// taps and weights meet in which tile, and which block of a cluster computes them. A pass is one layer in
// one direction, as a matrix product
//   target (rows, N) = gathered source (rows, depth) · weights (depth, N)
// whose rows are pixels of the target map, for all images of a cluster one after another, and whose depth
// runs over taps and, fastest, the source's channels. The gradient of a layer of stride s falls into s²
// phases: pixels whose coordinates leave the same remainders meet the same taps, so that no product with a
// zero between two strides is computed. The gradient to x has one to three channels, so few that its phases
// are folded: they stand beside each other in the product's columns, and each row is a patch of s × s pixels.
//
// A kernel can use all of it as it is. There is none yet: tests/kernels/persistent_chain_twin.h runs it.
#pragma once

#include <cstdint>

#include "core/random.h"

namespace ebm::persistent {

inline constexpr int kTileRows = 64;          // M of one wgmma
inline constexpr int kMostTileColumns = 128;  // N
inline constexpr int kTileElements = 4096;     // of a weight tile at most: one stage of the ring
inline constexpr int kStages = 4;
inline constexpr int kDepthStep = 16;          // K of one wgmma on 16-bit operands
inline constexpr int kCore = 8;                // a core matrix has 8 × 8 elements
inline constexpr int kConsumers = 3;           // warp groups that multiply, each 64 × 128 accumulators
inline constexpr int kClusterBlocks = 2;
inline constexpr int kOutside = -1;            // a pixel of the border, a weight of the padding: zero

EBM_HD int divide_up(int a, int b) { return (a + b - 1) / b; }
EBM_HD int round_up(int a, int b) { return divide_up(a, b) * b; }
EBM_HD int smaller(int a, int b) { return a < b ? a : b; }

struct MapShape {
  int h, w, c;
  EBM_HD int pixels() const { return h * w; }
};

// One axis of a phase. Its i-th target coordinate is first + i·step; with its j-th tap, which is the
// kernel's tap_first + j·tap_step, that reads source coordinate source_first + i·source_step +
// j·source_tap_step.
struct Axis {
  int count, first, step;
  int taps, tap_first, tap_step;
  int source_count, source_first, source_step, source_tap_step;

  // y[p] reads x[stride·p + r − pad].
  static EBM_HD Axis forward(int x_count, int y_count, int kernel, int stride, int pad) {
    return {y_count, 0, 1, kernel, 0, 1, x_count, -pad, stride, 1};
  }
  // dx[i] collects dy[p] of all p, r with stride·p + r − pad = i. So r leaves the same remainder by the
  // stride as i + pad: the phase.
  static EBM_HD Axis gradient(int x_count, int y_count, int kernel, int stride, int pad, int phase) {
    const int first = ((phase - pad) % stride + stride) % stride;
    return {first < x_count ? divide_up(x_count - first, stride) : 0, first, stride,
            phase < kernel ? divide_up(kernel - phase, stride) : 0, phase, stride,
            y_count, (first + pad) / stride, 1, -1};
  }

  // All phases at once: patch i begins at first + i·step, and its other coordinates read the same ones.
  static EBM_HD Axis folded(int x_count, int y_count, int kernel, int stride, int pad) {
    const int first = pad / stride;
    return {(pad + x_count - 1) / stride - first + 1, first * stride - pad, stride,
            divide_up(kernel, stride), 0, stride, y_count, first, 1, -1};
  }

  EBM_HD int source(int i, int tap) const {
    const int at = source_first + i * source_step + tap * source_tap_step;
    return at >= 0 && at < source_count ? at : kOutside;
  }
};

struct Pixel {
  int image, index;  // of the cluster; in its map, row by row, or kOutside
};

struct Phase {
  Axis y, x;
  int source_channels, target_h, target_w;

  EBM_HD int rows_per_image() const { return y.count * x.count; }
  EBM_HD int depth() const { return y.taps * x.taps * source_channels; }
  EBM_HD int padded_depth() const { return round_up(depth(), kDepthStep); }

  EBM_HD int image(int row) const { return row / rows_per_image(); }
  // The pixel that a row computes; of a folded gradient the one of this phase, which may lie outside.
  EBM_HD Pixel target(int row, int fold = 0) const {
    const int i = row % rows_per_image();
    const int ty = y.first + i / x.count * y.step + fold / x.step;
    const int tx = x.first + i % x.count * x.step + fold % x.step;
    const bool inside = ty >= 0 && ty < target_h && tx >= 0 && tx < target_w;
    return {image(row), inside ? ty * target_w + tx : kOutside};
  }
  // The pixel of the source, in the same image, that a row reads with a tap (0 … y.taps·x.taps − 1).
  EBM_HD int source(int row, int tap) const {
    const int i = row % rows_per_image();
    const int sy = y.source(i / x.count, tap / x.taps), sx = x.source(i % x.count, tap % x.taps);
    return sy == kOutside || sx == kOutside ? kOutside : sy * x.source_count + sx;
  }
  EBM_HD int kernel_row(int tap) const { return y.tap_first + tap / x.taps * y.tap_step; }
  EBM_HD int kernel_column(int tap) const { return x.tap_first + tap % x.taps * x.tap_step; }
};

struct Pass {
  int layer;  // 1 … L
  bool gradient;
  MapShape source, target;  // of h_{layer−1} and h_layer; of a gradient the other way round
  int kernel, stride, pad;  // pad: before

  EBM_HD int source_layer() const { return gradient ? layer : layer - 1; }
  EBM_HD bool folded() const { return gradient && layer == 1; }
  EBM_HD int phases() const { return gradient && !folded() ? stride * stride : 1; }
  EBM_HD Phase phase(int i) const {
    const auto axis = [&](int source_count, int target_count, int part) {
      return folded()   ? Axis::folded(target_count, source_count, kernel, stride, pad)
             : gradient ? Axis::gradient(target_count, source_count, kernel, stride, pad, part)
                        : Axis::forward(source_count, target_count, kernel, stride, pad);
    };
    return {axis(source.h, target.h, i / stride), axis(source.w, target.w, i % stride), source.c, target.h,
            target.w};
  }

  // Column n of the product is channel n % target.c of phase n / target.c, which is 0 unless folded.
  EBM_HD int columns() const { return folded() ? stride * stride * target.c : target.c; }
  EBM_HD int tile_columns() const { return smaller(round_up(columns(), kCore), kMostTileColumns); }
  EBM_HD int column_tiles() const { return divide_up(columns(), tile_columns()); }
  EBM_HD int tile_depth() const { return kTileElements / tile_columns() / kDepthStep * kDepthStep; }
  EBM_HD int depth_tiles(const Phase& p) const { return divide_up(p.padded_depth(), tile_depth()); }
  EBM_HD int depth_of(const Phase& p, int depth_tile) const {
    return smaller(tile_depth(), p.padded_depth() - depth_tile * tile_depth());
  }
  // Tiles of rows whose sums the warp groups of a block hold at once, for each weight tile to be used on all.
  EBM_HD int rows_held() const { return kConsumers * (kMostTileColumns / tile_columns()) * kTileRows; }

  // Weights in memory: the tiles of a phase in the order in which they are used, all depths of the first
  // columns before the second, and in a tile core matrices of 8 columns × 8 depths, next to each other in
  // columns first: what wgmma calls K-major without swizzle.
  EBM_HD int phase_elements(const Phase& p) const {
    return column_tiles() * tile_columns() * p.padded_depth();
  }
  EBM_HD int in_phase(const Phase& p, int column_tile, int depth_tile) const {
    return tile_columns() * (column_tile * p.padded_depth() + depth_tile * tile_depth());
  }
  EBM_HD int in_tile(int depth, int column) const {
    return (depth / kCore * (tile_columns() / kCore) + column / kCore) * kCore * kCore +
           column % kCore * kCore + depth % kCore;
  }
  // Where the weight of (depth, column) stands in the layer's w (K,R,S,C); kOutside: padding, a zero.
  EBM_HD int weight_index(const Phase& p, int depth, int column) const {
    if (depth >= p.depth() || column >= columns()) return kOutside;
    const int tap = depth / source.c, fold = column / target.c;
    const int r = p.kernel_row(tap) + fold / stride, s = p.kernel_column(tap) + fold % stride;
    if (r >= kernel || s >= kernel) return kOutside;
    const int from = depth % source.c, to = column % target.c;
    return gradient ? ((from * kernel + r) * kernel + s) * target.c + to
                    : ((to * kernel + r) * kernel + s) * source.c + from;
  }
};

// Consecutive items: images of a cluster, rows of a block.
struct Range {
  int first, count;
};

// The images of one cluster: shares differ by one at most, larger ones first.
EBM_HD Range cluster_images(int images, int clusters, int cluster) {
  const int least = images / clusters, more = images % clusters;
  return {cluster * least + smaller(cluster, more), least + (cluster < more ? 1 : 0)};
}
// A block's shared memory holds whole images: the first half of the cluster's in block 0, the rest in
// block 1.
EBM_HD int first_half(int images) { return divide_up(images, kClusterBlocks); }
EBM_HD int home_block(int images, int image) { return image < first_half(images) ? 0 : 1; }
EBM_HD int image_at_home(int images, int image) {
  return image - home_block(images, image) * first_half(images);
}
// The rows that a block computes: those of its own images, unless block 0 would then need more tiles than
// half of all. Then block 1 takes the last of them, and reads and writes them in block 0's memory.
EBM_HD Range block_rows(const Phase& p, int images, int block) {
  const int rows = images * p.rows_per_image();
  const int half = divide_up(divide_up(rows, kTileRows), kClusterBlocks) * kTileRows;
  const int cut = smaller(first_half(images) * p.rows_per_image(), half);
  return block == 0 ? Range{0, cut} : Range{cut, rows - cut};
}
// How often a phase's weights pass by. Both blocks get each tile at the same time; block 0 has most rows.
EBM_HD int row_groups(const Pass& pass, const Phase& p, int images) {
  return divide_up(block_rows(p, images, 0).count, pass.rows_held());
}

}  // namespace ebm::persistent
