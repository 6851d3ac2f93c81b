#include "kernels/conv/winograd_layout.h"

namespace ebm::cpu {

namespace {

// G w Gᵀ of one phase, for the kLanes channels that w (R,S,C) points at.
template <class T>
void transform_taps(const WinogradLayout& layout, int phase, const T* w, float (*points)[kLanes]) {
  const auto &vertical = layout.vertical, &horizontal = layout.horizontal;
  Vec half[kMaxPoints][kMaxPoints] = {};  // G w: (points, taps)
  for (int i = 0; i < vertical.points; ++i)
    for (int a = 0; a < vertical.taps; ++a) {
      const int r = vertical.stride * a + phase / horizontal.stride;
      const float g = static_cast<float>(evaluate_monomial(i, a, vertical.taps));
      for (int t = 0; t < horizontal.taps; ++t) {
        const int s = horizontal.stride * t + phase % horizontal.stride;
        if (r < vertical.kernel && s < horizontal.kernel)
          half[i][t] += g * load(w + int64_t{r * horizontal.kernel + s} * layout.c);
      }
    }
  for (int i = 0; i < vertical.points; ++i)
    for (int j = 0; j < horizontal.points; ++j) {
      Vec sum{};
      for (int t = 0; t < horizontal.taps; ++t)
        sum += static_cast<float>(evaluate_monomial(j, t, horizontal.taps)) * half[i][t];
      store(points[i * horizontal.points + j], sum);
    }
}

// Elements of one point's U from the weights of kLanes filters at kLanes channels, by [k][c]: rows k0 … of (K, channels),
// or rows `channel` … of (channels, K).
void put_block(float* matrix, bool transposed, int64_t k0, int64_t channel, int64_t k, int64_t channels,
               const float (*block)[kMaxPoints * kMaxPoints][kLanes], size_t point) {
  for (int a = 0; a < kLanes; ++a) {
    if (transposed) {
      store(matrix + pack_index(k0 + a, channel, k, channels), load(block[a][point]));
    } else {
      float* to = matrix + pack_index(channel + a, k0, channels, k);
      for (int i = 0; i < kLanes; ++i) to[i] = block[i][point][a];
    }
  }
}
void put_block(Bf16* matrix, bool transposed, int64_t k0, int64_t channel, int64_t k, int64_t channels,
               const float (*block)[kMaxPoints * kMaxPoints][kLanes], size_t point) {
  auto* const pairs = reinterpret_cast<Bf16Pair*>(matrix);
  for (int a = 0; a < kLanes; a += 2) {
    if (transposed) {
      store(pairs + pack_index((k0 + a) / 2, channel, k / 2, channels), load(block[a][point]),
            load(block[a + 1][point]));
    } else {
      Vec first, second;
      for (int i = 0; i < kLanes; ++i) first[i] = block[i][point][a], second[i] = block[i][point][a + 1];
      store(pairs + pack_index((channel + a) / 2, k0, channels / 2, k), first, second);
    }
  }
}

template <class T>
void pack(const WinogradLayout& layout, bool transposed, const T* w, T* u) {
  const int64_t filter_size = int64_t{layout.vertical.kernel} * layout.horizontal.kernel * layout.c;
#pragma omp parallel for schedule(dynamic, 1)
  for (int k0 = 0; k0 < layout.k; k0 += kLanes) {
    alignas(64) float block[kLanes][kMaxPoints * kMaxPoints][kLanes];  // [k][point][c]
    for (int phase = 0; phase < layout.phases(); ++phase)
      for (int c = 0; c < layout.c; c += kLanes) {
        for (int k = 0; k < kLanes; ++k) transform_taps(layout, phase, w + (k0 + k) * filter_size + c, block[k]);
        for (size_t i = 0; i < layout.points.size(); ++i) {
          const WinogradLayout::Point& point = layout.points[i];
          if (point.slot[phase] < 0) continue;
          const int64_t channel = int64_t{point.slot[phase]} * layout.c + c;
          put_block(u + point.weights, transposed, k0, channel, layout.k, point.channels, block, i);
        }
      }
  }
}

}  // namespace

void pack_weights(const WinogradLayout& layout, bool transposed, const float* w, float* u) {
  pack(layout, transposed, w, u);
}
void pack_weights(const WinogradLayout& layout, bool transposed, const Bf16* w, Bf16* u) {
  pack(layout, transposed, w, u);
}

void unpack_weights(const WinogradLayout& layout, const float* du, float* dw) {
  const auto &vertical = layout.vertical, &horizontal = layout.horizontal;
#pragma omp parallel for schedule(static)
  for (int k = 0; k < layout.k; ++k)
    for (int phase = 0; phase < layout.phases(); ++phase)
      for (int c = 0; c < layout.c; c += kLanes) {
        Vec half[kMaxPoints][kMaxPoints];  // dU G: (points, taps)
        for (int i = 0; i < vertical.points; ++i)
          for (int t = 0; t < horizontal.taps; ++t) {
            half[i][t] = Vec{};
            for (int j = 0; j < horizontal.points; ++j) {
              const WinogradLayout::Point& point = layout.points[i * horizontal.points + j];
              if (point.slot[phase] < 0) continue;
              const int64_t at = int64_t{k} * point.channels + int64_t{point.slot[phase]} * layout.c + c;
              half[i][t] +=
                  static_cast<float>(evaluate_monomial(j, t, horizontal.taps)) * load(du + point.weights + at);
            }
          }
        for (int a = 0; a < vertical.taps; ++a)
          for (int t = 0; t < horizontal.taps; ++t) {
            const int r = vertical.stride * a + phase / horizontal.stride;
            const int s = horizontal.stride * t + phase % horizontal.stride;
            if (r >= vertical.kernel || s >= horizontal.kernel) continue;
            Vec sum{};
            for (int i = 0; i < vertical.points; ++i)
              sum += static_cast<float>(evaluate_monomial(i, a, vertical.taps)) * half[i][t];
            store(dw + ((int64_t{k} * vertical.kernel + r) * horizontal.kernel + s) * layout.c + c, sum);
          }
      }
}

}  // namespace ebm::cpu
