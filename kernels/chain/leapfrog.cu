#include "kernels/chain/leapfrog.h"

#include <cmath>

#include "kernels/map_values.h"

namespace ebm {
namespace {

struct FreePosition {
  Scalar step;
  EBM_HD void load() { step.load(); }
  EBM_HD void operator()(float& x, float p) const { x += step.value * p; }
};

// The path between two walls, unfolded, has period 4·bound: up, then down.
struct ReflectedPosition {
  Scalar step;
  float bound;
  EBM_HD void load() { step.load(); }
  EBM_HD void operator()(float& x, float& p) const {
    const float period = 4 * bound;
    float y = x + step.value * p + bound;  // from the lower wall
    y -= period * floorf(y / period);
    if (y > 2 * bound) {
      y = period - y;
      p = -p;
    }
    x = y - bound;
  }
};

struct Kick {
  Scalar step;
  float factor;
  EBM_HD void load() { step.load(); }
  EBM_HD void operator()(float& p, float gradient) const { p -= factor * step.value * gradient; }
};

struct Adapt {
  float* step;
  const float* acceptance;
  float target, rate;
  EBM_HD void operator()(int64_t) const { *step = acceptance[0] >= target ? *step * (1 + rate) : *step / (1 + rate); }
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

void leapfrog_position(Tensor& x, Tensor& p, Scalar step, float bound) {
  check_same_shape("leapfrog", x, p);
  if (bound > 0) {
    map_values(x.device(), x.size(), ReflectedPosition{step, bound}, ReadWrite{x.mutable_data()},
               ReadWrite{p.mutable_data()});
  } else {
    map_values(x.device(), x.size(), FreePosition{step}, ReadWrite{x.mutable_data()}, Read{p.data()});
  }
}

void leapfrog_kick(Tensor& p, const Tensor& gradient, Scalar step, float factor) {
  check_same_shape("leapfrog", p, gradient);
  map_values(p.device(), p.size(), Kick{step, factor}, ReadWrite{p.mutable_data()}, Read{gradient.data()});
}

void adapt_step(Tensor& step, const Tensor& mean_acceptance, float target, float rate) {
  check_shape("adapt_step", "step", step, {1});
  check_shape("adapt_step", "mean_acceptance", mean_acceptance, {1});
  map(step.device(), 1, Adapt{step.mutable_data(), mean_acceptance.data(), target, rate});
}

void replace_rows(Tensor& x, const Tensor& y, const Tensor& choose) {
  check_same_shape("replace_rows", x, y);
  check_shape("replace_rows", "choose", choose, {x.extent(0)});
  map(x.device(), x.size(), ReplaceRow{x.mutable_data(), y.data(), choose.data(), x.size() / x.extent(0)});
}

}  // namespace ebm
