// The arithmetic of langevin_conv.cu: what one block does, phase by phase, a phase being a function of the
// thread's number. On the GPU the threads are threads and the memory is shared memory; on the CPU a loop
// runs them.
//
// With stride t, pixel t·u + i − before of an axis gets tap r = i + t·a from output u − a alone. So the
// pixels are taken in patches of t × t: all of patch (u, v) read the same outputs (u − a, v − b), each once.
// A block owns a band of patch rows of one image. A thread owns kPatches neighbouring patches and, of every
// kChunk channels K, the four of its lane; kLanes threads share the patches and their sums are added at the
// end.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv.h"
#include "kernels/langevin.h"
#include "kernels/round_operand.h"

namespace ebm {

inline constexpr int kLanes = 8, kPatches = 4, kChunk = 4 * kLanes;

struct alignas(16) Quad {
  float v[4];
};

// Extents of the layer and of a block's band.
struct ConvStepTile {
  int h, w, p, q, k, r, s;    // x (H,W), dy (P,Q,K), w (R,S)
  int before_h, before_w;     // padding
  int first_u, first_v;       // the first patch that has a pixel in the image
  int patch_rows, groups;     // of an image: rows of patches, and groups of kPatches in a row
  int rows;                   // patch rows of a band
  int taps_h, taps_w;         // outputs that a patch reads in each direction: ⌈R/t⌉, ⌈S/t⌉

  EBM_HD int columns() const { return groups * kPatches; }
  EBM_HD int bands() const { return (patch_rows + rows - 1) / rows; }
  EBM_HD int threads() const { return rows * groups * kLanes; }
  EBM_HD int dy_rows() const { return rows + taps_h - 1; }
  EBM_HD int dy_columns() const { return columns() + taps_w - 1; }
  EBM_HD int dy_quads() const { return dy_rows() * dy_columns() * kLanes; }
};

template <int kStride, int kChannels>
struct ConvStep {
  static constexpr int kSums = kStride * kStride * kChannels;  // of one patch
  struct Sums {
    float v[kPatches][kSums] = {};
  };

  ConvStepTile t;
  float* x;            // (N,H,W,C)
  const float* df_dh;  // (N,P,Q,K)
  const float* y;      // (N,P,Q,K), the mask, or nullptr
  float negative_slope;
  const float* weight;  // (K,R,S,C)
  LangevinStep step;
  RandomKey key;
  uint64_t first_element;
  Precision precision;  // both operands are rounded to it, and multiplied in fp32

  // Quads of a block's memory: dy's tile and the weights of a chunk, later the sums in their place.
  EBM_HD static int memory_quads(const ConvStepTile& t) {
    const int tiles = t.dy_quads() + t.r * t.s * kChannels * kLanes;
    const int sums = t.rows * t.columns() * kSums * kLanes / 4;
    return tiles > sums ? tiles : sums;
  }

  // Phase 1: dy of the band, masked, zeros around the image, and the weights, channels k0 … k0 + kChunk − 1.
  EBM_HD void load(Quad* memory, int64_t image, int band, int k0, int thread) const {
    const int threads = t.threads();
    for (int i = thread; i < t.dy_quads(); i += threads) {
      const int k = k0 + 4 * (i % kLanes), pixel = i / kLanes;
      const int p = t.first_u + band * t.rows + pixel / t.dy_columns() - (t.taps_h - 1);
      const int q = t.first_v + pixel % t.dy_columns() - (t.taps_w - 1);
      Quad value{};
      if (p >= 0 && p < t.p && q >= 0 && q < t.q && k < t.k) {
        const int64_t at = ((image * t.p + p) * t.q + q) * t.k + k;
        value = *reinterpret_cast<const Quad*>(df_dh + at);
        if (y != nullptr) {
          const Quad h = *reinterpret_cast<const Quad*>(y + at);
          for (int j = 0; j < 4; ++j) value.v[j] *= leaky_derivative(h.v[j], negative_slope);
        }
        for (int j = 0; j < 4; ++j) value.v[j] = round_operand(value.v[j], precision);
      }
      memory[i] = value;
    }
    Quad* weights = memory + t.dy_quads();  // (R,S,C,kLanes)
    const int taps = t.r * t.s * kChannels;
    for (int i = thread; i < taps * kLanes; i += threads) {
      const int k = k0 + 4 * (i % kLanes), tap = i / kLanes;
      for (int j = 0; j < 4; ++j) {
        const float value = k + j < t.k ? weight[int64_t{k + j} * taps + tap] : 0.0f;
        weights[i].v[j] = round_operand(value, precision);
      }
    }
  }

  // Phase 2: the thread's patches and lane.
  EBM_HD void accumulate(const Quad* memory, int thread, Sums& sums) const {
    const int lane = thread % kLanes, column = thread / kLanes % t.groups * kPatches;
    const int row = thread / kLanes / t.groups;
    const Quad* weights = memory + t.dy_quads() + lane;
    for (int a = 0; a < t.taps_h; ++a)
      for (int b = 0; b < t.taps_w; ++b) {
        const int first = (row + t.taps_h - 1 - a) * t.dy_columns() + column + t.taps_w - 1 - b;
        Quad dy[kPatches];
        for (int m = 0; m < kPatches; ++m) dy[m] = memory[(first + m) * kLanes + lane];
        for (int i = 0; i < kStride; ++i)
          for (int j = 0; j < kStride; ++j) {
            const int r = i + kStride * a, s = j + kStride * b;
            if (r >= t.r || s >= t.s) continue;
            for (int c = 0; c < kChannels; ++c) {
              const Quad w = weights[((r * t.s + s) * kChannels + c) * kLanes];
              for (int m = 0; m < kPatches; ++m)
                for (int l = 0; l < 4; ++l)
                  sums.v[m][(i * kStride + j) * kChannels + c] += dy[m].v[l] * w.v[l];
            }
          }
      }
  }

  // Phase 3: the sums of a thread, beside those of the other lanes: (patches of the band, kSums, kLanes).
  EBM_HD void put(float* memory, int thread, const Sums& sums) const {
    const int lane = thread % kLanes, first = thread / kLanes * kPatches;
    for (int m = 0; m < kPatches; ++m)
      for (int i = 0; i < kSums; ++i) memory[((first + m) * kSums + i) * kLanes + lane] = sums.v[m][i];
  }

  // Phase 4: the update of the band's pixels, four elements of the global sequence at a time. A quad that two
  // bands share is drawn by both.
  EBM_HD void update(const float* memory, int64_t image, int band, int thread) const {
    const int row_size = t.w * kChannels, first_row = pixel_row(band * t.rows);
    const int from = first_row < 0 ? 0 : first_row, to = pixel_row((band + 1) * t.rows);
    const int64_t begin = int64_t{from} * row_size, end = int64_t{to < t.h ? to : t.h} * row_size;  // of the image
    const uint64_t image_element = first_element + image * t.h * row_size;
    const int64_t inside = static_cast<int64_t>((image_element + begin) % 4);
    float* const pixels = x + image * t.h * row_size;
    for (int64_t start = begin - inside + 4 * thread; start < end; start += 4 * t.threads()) {
      const Floats4 xi = step.noise != 0 ? normal4(key, (image_element + start) / 4) : Floats4{};
      for (int j = 0; j < 4; ++j) {
        const int64_t e = start + j;
        if (e < begin || e >= end) continue;
        pixels[e] = langevin_update(step, pixels[e], gradient(memory, static_cast<int>(e), first_row, row_size),
                                    xi.v[j]);
      }
    }
  }

 private:
  // First pixel row of patch row u, counted from first_u; above the image: negative.
  EBM_HD int pixel_row(int u) const { return (t.first_u + u) * kStride - t.before_h; }

  // ∂f/∂x at element e of the image.
  EBM_HD float gradient(const float* memory, int e, int first_row, int row_size) const {
    const int down = e / row_size - first_row, c = e % kChannels;
    const int right = e % row_size / kChannels + t.before_w - t.first_v * kStride;
    const int patch = down / kStride * t.columns() + right / kStride;
    const int sum = (down % kStride * kStride + right % kStride) * kChannels + c;
    const float* lanes = memory + (patch * kSums + sum) * kLanes;
    float total = 0;
    for (int lane = 0; lane < kLanes; ++lane) total += lanes[lane];
    return total;
  }
};

}  // namespace ebm
