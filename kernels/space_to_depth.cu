#include "kernels/space_to_depth.h"

#include <string>

#include "kernels/map.h"

namespace ebm {
namespace {

// Element i of the deep array (N,P,Q,2,2,C), and its place in the wide one (N,P,2,Q,2,C).
struct Places {
  int64_t columns, channels;  // Q, C
  EBM_HD int64_t wide(int64_t i) const {
    const int64_t c = i % channels, block = i / channels;
    const int64_t column_in = block % 2, row_in = block / 2 % 2, q = block / 4 % columns, p = block / 4 / columns;
    return (((p * 2 + row_in) * columns + q) * 2 + column_in) * channels + c;
  }
};
struct ToDepth {
  const float* x;
  float* y;
  Places places;
  EBM_HD void operator()(int64_t i) const { y[i] = x[places.wide(i)]; }
};
struct ToSpace {
  const float* x;
  float* y;
  Places places;
  EBM_HD void operator()(int64_t i) const { y[places.wide(i)] = x[i]; }
};

}  // namespace

Tensor space_to_depth(const Tensor& x) {
  EBM_CHECK(x.rank() == 4 && x.extent(1) % 2 == 0 && x.extent(2) % 2 == 0, "space_to_depth", to_string(x.shape()),
            "x (N,H,W,C) with H and W even");
  Tensor y = Tensor::empty({x.extent(0), x.extent(1) / 2, x.extent(2) / 2, 4 * x.extent(3)}, x.device());
  map(x.device(), y.size(), ToDepth{x.data(), y.mutable_data(), {y.extent(2), x.extent(3)}});
  return y;
}

Tensor depth_to_space(const Tensor& x) {
  EBM_CHECK(x.rank() == 4 && x.extent(3) % 4 == 0, "depth_to_space", to_string(x.shape()),
            "x (N,P,Q,C) with C a multiple of 4");
  Tensor y = Tensor::empty({x.extent(0), 2 * x.extent(1), 2 * x.extent(2), x.extent(3) / 4}, x.device());
  map(x.device(), y.size(), ToSpace{x.data(), y.mutable_data(), {x.extent(2), y.extent(3)}});
  return y;
}

}  // namespace ebm
