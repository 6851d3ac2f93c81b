// map_quads(device, n, first, f): elements 0 … n-1 of a tensor whose element 0 has global index `first`,
// four at a time as one Philox call draws them. The tensor may start or end inside a quad of the global
// sequence; those two are done apart, so that the loop over all others has no condition and vectorises.
//
// f.quad<kWhole>(quad, start) treats the elements start … start+3 that lie in 0 … n-1 (all of them if
// kWhole); `quad` is their place in the global sequence.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/map.h"

namespace ebm {

template <bool kWhole, class F>
struct QuadRun {
  F f;
  uint64_t first_quad;
  int64_t first_start;
  EBM_HD void load() { load_numbers(f); }
  EBM_HD void operator()(int64_t i) const { f.template quad<kWhole>(first_quad + i, first_start + 4 * i); }
};

inline constexpr int64_t kQuadCost = 32;  // of one Philox call, in elements of plain arithmetic

template <class F>
void map_quads(Device device, int64_t n, uint64_t first, const F& f) {
  const int64_t inside = static_cast<int64_t>(first % 4);  // elements of the first quad before the tensor
  const int64_t head = inside == 0 ? 0 : std::min<int64_t>(4 - inside, n);
  const int64_t whole = (n - head) / 4, end = head + 4 * whole;
  const uint64_t first_whole = first / 4 + (inside != 0);
  if (head > 0) map(device, 1, QuadRun<false, F>{f, first / 4, -inside});
  map(device, whole, QuadRun<true, F>{f, first_whole, head}, kQuadCost);
  if (end < n) map(device, 1, QuadRun<false, F>{f, first_whole + whole, end});
}

}  // namespace ebm
