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

#include "kernels/chain/langevin.h"
#include "kernels/conv/conv.h"
#include "kernels/operands.h"
#include "kernels/round_operand.h"

namespace ebm {

inline constexpr int kLanes = 8, kPatches = 4, kChunk = 4 * kLanes;

// Extents of the layer and of a block's band.
struct ConvStepTile {
  int h, w, p, q, k, r, s;  // x (H,W), dy (P,Q,K), w (R,S)
  int before_h, before_w;   // padding
  int first_u, first_v;     // the first patch that has a pixel in the image
  int patch_rows, groups;   // of an image: rows of patches, and groups of kPatches in a row
  int rows;                 // patch rows of a band
  int taps_h, taps_w;       // outputs that a patch reads in each direction: ⌈R/t⌉, ⌈S/t⌉

  EBM_HD int columns() const { return groups * kPatches; }
  EBM_HD int bands() const { return (patch_rows + rows - 1) / rows; }
  EBM_HD int threads() const { return rows * groups * kLanes; }
  EBM_HD int dy_rows() const { return rows + taps_h - 1; }
  EBM_HD int dy_columns() const { return columns() + taps_w - 1; }
  EBM_HD int dy_quads() const { return dy_rows() * dy_columns() * kLanes; }
};

// Map: the type of the layer's map and its gradient, float or Bf16.
template <int kStride, int kChannels, class Map>
struct ConvStep {
  static constexpr int kSums = kStride * kStride * kChannels;  // of one patch
  struct Sums {
    float v[kPatches][kSums] = {};
  };

  ConvStepTile t;
  float* x;          // (N,H,W,C)
  Bf16* rounded;     // (N,H,W,C), where the new x goes as bf16 too, or nullptr
  const Map* df_dh;  // (N,P,Q,K)
  const Map* y;      // (N,P,Q,K), the mask, or nullptr
  float negative_slope;
  const float* weight;  // (K,R,S,C)
  LangevinStep step;
  RandomKey key;
  uint64_t first_element;
  Precision precision;  // both operands are rounded to it, and multiplied in fp32

  // Quads of a lane's sums: a band's elements, filled up to quads of the global sequence. Odd, so that the
  // lanes begin at different banks.
  EBM_HD static int lane_quads(const ConvStepTile& t) { return (t.rows * kStride * t.w * kChannels + 6) / 4 | 1; }

  // Quads of a block's memory: dy's tile and the weights of a chunk, later the sums in their place.
  EBM_HD static int memory_quads(const ConvStepTile& t) {
    const int tiles = t.dy_quads() + t.r * t.s * kChannels * kLanes, sums = lane_quads(t) * kLanes;
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
        value = read_quad(df_dh + at);
        if (y != nullptr) {
          const Quad h = read_quad(y + at);
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
      Quad value;
      for (int j = 0; j < 4; ++j)
        value.v[j] = round_operand(k + j < t.k ? weight[int64_t{k + j} * taps + tap] : 0.0f, precision);
      weights[i] = value;
    }
  }

  // Phase 2: the thread's patches and lane. From one tap to the next the patches read the same outputs but
  // one.
  EBM_HD void accumulate(const Quad* memory, int thread, Sums& sums) const {
    const Place place = place_of(thread);
    const Quad* const weights = memory + t.dy_quads() + place.lane;
    for (int a = 0; a < t.taps_h; ++a) {
      const int first = (place.row + t.taps_h - 1 - a) * t.dy_columns() + place.column + t.taps_w - 1;
      const Quad* const outputs = memory + first * kLanes + place.lane;  // of the first patch, b = 0
      Quad dy[kPatches];
      for (int m = 1; m < kPatches; ++m) dy[m - 1] = outputs[m * kLanes];
      for (int b = 0; b < t.taps_w; ++b) {
        for (int m = kPatches - 1; m > 0; --m) dy[m] = dy[m - 1];
        dy[0] = outputs[-b * kLanes];
        for (int i = 0; i < kStride; ++i)
          for (int j = 0; j < kStride; ++j) {
            const int r = i + kStride * a, s = j + kStride * b;
            if (r >= t.r || s >= t.s) continue;
            for (int c = 0; c < kChannels; ++c) {
              const Quad w = weights[((r * t.s + s) * kChannels + c) * kLanes];
              for (int m = 0; m < kPatches; ++m)
                for (int l = 0; l < 4; ++l) sums.v[m][(i * kStride + j) * kChannels + c] += dy[m].v[l] * w.v[l];
            }
          }
      }
    }
  }

  // Phase 3: the sums of a thread, beside those of the other lanes: (kLanes, the band's elements in the
  // image's order). Within a quad they are permuted by lane: neighbouring lanes write to different banks.
  EBM_HD void put(float* memory, int64_t image, int band, int thread, const Sums& sums) const {
    const Place place = place_of(thread);
    const int top = pixel_row(band * t.rows + place.row), left = pixel_column(place.column);
    float* const lane = memory + place.lane * 4 * lane_quads(t);
    const int start = elements(image, band).start;
    for (int m = 0; m < kPatches; ++m)
      for (int i = 0; i < kStride; ++i)
        for (int j = 0; j < kStride; ++j) {
          const int y = top + i, x = left + m * kStride + j;
          if (y < 0 || y >= t.h || x < 0 || x >= t.w) continue;
          const int first = (y * t.w + x) * kChannels - start;
          for (int c = 0; c < kChannels; ++c)
            lane[(first + c) ^ (place.lane % 4)] = sums.v[m][(i * kStride + j) * kChannels + c];
        }
  }

  // Phase 4: the update of the band's pixels, four elements of the global sequence at a time. A quad that two
  // bands share is drawn by both.
  EBM_HD void update(const Quad* memory, int64_t image, int band, int thread) const {
    const Elements own = elements(image, band);
    const uint64_t first = image_element(image);
    const int64_t first_pixel = image * t.h * t.w * kChannels;
    for (int at = own.start + 4 * thread; at < own.end; at += 4 * t.threads()) {
      const auto update_quad = [&](Quad& pixels) {
        const Floats4 xi = step.noise != 0 ? normal4(key, (first + at) / 4) : Floats4{};
        const Quad df_dx = gradient(memory, (at - own.start) / 4);
        for (int j = 0; j < 4; ++j) pixels.v[j] = langevin_update(step, pixels.v[j], df_dx.v[j], xi.v[j]);
        if (rounded != nullptr) store_quad(rounded + first_pixel, {at, own.begin, own.end}, pixels);
      };
      on_quad({at, own.begin, own.end}, update_quad, ReadWrite{x + first_pixel});
    }
  }

 private:
  // What a thread sums: its lane's channels, for the patches of a row of the band from a column on.
  struct Place {
    int lane, row, column;
  };
  EBM_HD Place place_of(int thread) const {
    return {thread % kLanes, thread / kLanes / t.groups, thread / kLanes % t.groups * kPatches};
  }

  // Where patch row u and column v, counted from first_u and first_v, begin in the image; outside: negative.
  EBM_HD int pixel_row(int u) const { return (t.first_u + u) * kStride - t.before_h; }
  EBM_HD int pixel_column(int v) const { return (t.first_v + v) * kStride - t.before_w; }

  // A band's elements of its image, begin … end − 1, and the start of the first of the global sequence's quads
  // that has one of them.
  struct Elements {
    int begin, end, start;
  };
  EBM_HD Elements elements(int64_t image, int band) const {
    const int from = pixel_row(band * t.rows), to = pixel_row((band + 1) * t.rows);
    const int row_size = t.w * kChannels;
    const int begin = (from < 0 ? 0 : from) * row_size, end = (to < t.h ? to : t.h) * row_size;
    return {begin, end, begin - static_cast<int>((image_element(image) + begin) % 4)};
  }
  EBM_HD uint64_t image_element(int64_t image) const { return first_element + image * t.h * t.w * kChannels; }

  // ∂f/∂x of a quad of the band: the lanes' sums.
  EBM_HD Quad gradient(const Quad* memory, int quad) const {
    Quad total{};
    for (int lane = 0; lane < kLanes; ++lane) {
      const Quad part = memory[lane * lane_quads(t) + quad];
      for (int j = 0; j < 4; ++j) total.v[j] += part.v[j ^ (lane % 4)];
    }
    return total;
  }
};

}  // namespace ebm
