#include "kernels/conv/winograd_layout.h"

#include <algorithm>

namespace ebm::cpu {

WinogradAxis::WinogradAxis(int stride, int kernel, int before, int in, int out)
    : stride(stride),
      kernel(kernel),
      before(before),
      in(in),
      out(out),
      taps((kernel + stride - 1) / stride),
      tile(std::min(max_tile_outputs(taps), out)),
      points(tile + taps - 1) {
  const int full = out / tile, rest = out % tile;
  kinds.push_back({tile_transforms(tile, taps), 0, full});
  if (rest > 0) kinds.push_back({tile_transforms(rest, taps), full * tile, 1});
}

WinogradLayout::WinogradLayout(const ConvProblem& p)
    : vertical(p.stride_h, static_cast<int>(p.r), p.pad_top, static_cast<int>(p.h), static_cast<int>(p.p)),
      horizontal(p.stride_w, static_cast<int>(p.s), p.pad_left, static_cast<int>(p.w), static_cast<int>(p.q)),
      c(static_cast<int>(p.c)),
      k(static_cast<int>(p.k)) {
  for (int i = 0; i < vertical.points; ++i)
    for (int j = 0; j < horizontal.points; ++j) {
      Point point;
      for (int a = 0; a < vertical.stride; ++a)
        for (int b = 0; b < horizontal.stride; ++b) {
          const bool vanishes = vertical.vanishes(a, i) || horizontal.vanishes(b, j);
          point.slot.push_back(vanishes ? -1 : point.channels / c);
          if (!vanishes) point.channels += c;
        }
      for (size_t a = 0; a < vertical.kinds.size(); ++a)
        for (size_t b = 0; b < horizontal.kinds.size(); ++b) {
          const auto &tall = vertical.kinds[a], &wide = horizontal.kinds[b];
          if (i >= tall.transforms.points || j >= wide.transforms.points) continue;
          point.first_row[2 * a + b] = point.rows_per_image;
          point.rows_per_image += tall.count * wide.count;
        }
      point.v_per_image = v_per_image;
      point.m_per_image = m_per_image;
      point.weights = weights_size;
      v_per_image += int64_t{point.rows_per_image} * point.channels;
      m_per_image += int64_t{point.rows_per_image} * k;
      weights_size += int64_t{point.channels} * k;
      points.push_back(point);
    }
}

bool WinogradLayout::applies_to(const ConvProblem& p) {
  const auto taps = [](int64_t kernel, int stride) { return (kernel + stride - 1) / stride; };
  const auto fits = [](int64_t taps) { return taps >= 2 && taps <= 4; };
  return p.c % kLanes == 0 && p.k % kLanes == 0 && fits(taps(p.r, p.stride_h)) && fits(taps(p.s, p.stride_w));
}

int64_t WinogradLayout::multiplications_per_image() const {
  int64_t sum = 0;
  for (const Point& point : points) sum += int64_t{point.rows_per_image} * point.channels * k;
  return sum;
}

}  // namespace ebm::cpu
