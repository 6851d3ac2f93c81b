// map_quads(device, n, first, f, operands…): maths with random numbers on elements 0 … n-1 of arrays whose
// element 0 has global index `first`, four at a time as one Philox call draws them. f.draw(quad) gives the
// numbers of a quad of the global sequence; f(number, the operands' elements i) is then called for each of
// its elements. Operands are those of map_values(). The arrays may start and end inside a quad.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/map_values.h"

namespace ebm {

inline constexpr int64_t kQuadCost = 32;  // of one Philox call, in elements of plain arithmetic

// The quads that elements 0 … n-1 lie in, and where the first of them starts: at 0, -1, -2 or -3.
struct QuadRange {
  QuadRange(int64_t n, uint64_t first)
      : first_quad(first / 4), start(-static_cast<int64_t>(first % 4)), count((n - start + 3) / 4) {}
  uint64_t first_quad;
  int64_t start, count;
};

// Quad q of the range.
template <class F, class... Operand>
EBM_HD void map_quad(int64_t n, const QuadRange& range, int64_t q, const F& f, const Operand&... operand) {
  const auto f_of_quads = [&](auto&... quad) {
    const Floats4 drawn = f.draw(range.first_quad + q);
    for (int j = 0; j < 4; ++j) f(drawn.v[j], quad.v[j]...);
  };
  on_quad({range.start + 4 * q, 0, n}, f_of_quads, operand...);
}

#if defined(__CUDACC__)
template <class F, class... Operand>
__global__ void map_quads_kernel(int64_t n, QuadRange range, F f, Operand... operand) {
  load_numbers(f);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t q = first; q < range.count; q += stride) map_quad(n, range, q, f, operand...);
}
#endif

// Elements i … i + 3, without a condition, so that a loop over these vectorises.
template <class F, class... Operand>
EBM_HD void map_whole_quad(uint64_t quad, int64_t i, const F& f, const Operand&... operand) {
  const Floats4 drawn = f.draw(quad);
  for (int j = 0; j < 4; ++j) f(drawn.v[j], operand.at(i + j)...);
}

template <class F, class... Operand>
void map_quads(Device device, int64_t n, uint64_t first, const F& f, const Operand&... operand) {
  if (n == 0) return;
  const QuadRange range(n, first);
  if (device.is_cuda()) {
#if defined(__CUDACC__)
    const Launch launch = launch_for(range.count);
    map_quads_kernel<<<launch.blocks, launch.threads, 0, launch_stream(device)>>>(n, range, f, operand...);
    check_launch<F>(device, "map_quads", {n});
#else
    EBM_FAIL("map_quads", to_string(device), "a build with CUDA");
#endif
  } else {
    F local = f;
    load_numbers(local);
    const int64_t head = range.start < 0, tail = std::max(head, (n - range.start) / 4);  // whole in between
    if (head > 0) map_quad(n, range, 0, local, operand...);
    const uint64_t quad = range.first_quad + head;
    const int64_t start = range.start + 4 * head;
    const auto whole = [=](int64_t i) { map_whole_quad(quad + i, start + 4 * i, local, operand...); };
    map_on_cpu(tail - head, whole, kQuadCost);
    if (tail < range.count) map_quad(n, range, tail, local, operand...);
  }
}

}  // namespace ebm
