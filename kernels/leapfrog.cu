#include "kernels/leapfrog.h"

#include <cmath>

#include "kernels/map.h"

namespace ebm {
namespace {

struct FreePosition {
  float* x;
  const float* p;
  float step;
  EBM_HD void operator()(int64_t i) const { x[i] += step * p[i]; }
};

// The path between two walls, unfolded, has period 4·bound: up, then down.
struct ReflectedPosition {
  float *x, *p;
  float step, bound;
  EBM_HD void operator()(int64_t i) const {
    const float period = 4 * bound;
    float y = x[i] + step * p[i] + bound;  // from the lower wall
    y -= period * floorf(y / period);
    if (y > 2 * bound) {
      y = period - y;
      p[i] = -p[i];
    }
    x[i] = y - bound;
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
    map(x.device(), x.size(), ReflectedPosition{x.mutable_data(), p.mutable_data(), step, bound}, 4);
  } else {
    map(x.device(), x.size(), FreePosition{x.mutable_data(), p.data(), step});
  }
}

void replace_rows(Tensor& x, const Tensor& y, const Tensor& choose) {
  check_same_shape("replace_rows", x, y);
  check_shape("replace_rows", "choose", choose, {x.extent(0)});
  map(x.device(), x.size(), ReplaceRow{x.mutable_data(), y.data(), choose.data(), x.size() / x.extent(0)});
}

}  // namespace ebm
