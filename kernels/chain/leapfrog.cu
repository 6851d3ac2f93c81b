#include "kernels/chain/leapfrog.h"

#include <cmath>

#include "kernels/map_values.h"

namespace ebm {
namespace {

struct FreePosition {
  float step;
  EBM_HD void operator()(float& x, float p) const { x += step * p; }
};

// The path between two walls, unfolded, has period 4·bound: up, then down.
struct ReflectedPosition {
  float step, bound;
  EBM_HD void operator()(float& x, float& p) const {
    const float period = 4 * bound;
    float y = x + step * p + bound;  // from the lower wall
    y -= period * floorf(y / period);
    if (y > 2 * bound) {
      y = period - y;
      p = -p;
    }
    x = y - bound;
  }
};

struct ReplaceRow {
  float* x;
  const float *y, *choose;
  int64_t row_size;
  EBM_HD void operator()(int64_t i) const {
    if (choose[i / row_size] != 0) x[i] = y[i];
  }
};

}  // namespace

void leapfrog_position(Tensor& x, Tensor& p, float step, float bound) {
  check_same_shape("leapfrog", x, p);
  if (bound > 0) {
    map_values(x.device(), x.size(), ReflectedPosition{step, bound}, ReadWrite{x.mutable_data()},
               ReadWrite{p.mutable_data()});
  } else {
    map_values(x.device(), x.size(), FreePosition{step}, ReadWrite{x.mutable_data()}, Read{p.data()});
  }
}

void replace_rows(Tensor& x, const Tensor& y, const Tensor& choose) {
  check_same_shape("replace_rows", x, y);
  check_shape("replace_rows", "choose", choose, {x.extent(0)});
  map(x.device(), x.size(), ReplaceRow{x.mutable_data(), y.data(), choose.data(), x.size() / x.extent(0)});
}

}  // namespace ebm
