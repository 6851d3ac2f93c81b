#include "kernels/scale.h"

#include <string>

#include "kernels/map.h"

namespace ebm {
namespace {

// inner: elements that follow each other under one factor.
struct Scale {
  const float *x, *s;
  float* y;
  int64_t inner, factors;
  EBM_HD void operator()(int64_t i) const { y[i] = x[i] * s[i / inner % factors]; }
};

Tensor scaled(const char* op, const Tensor& x, const Tensor& s, int64_t factors, int64_t inner) {
  check_shape(op, "s", s, {factors});
  check_same_device(op, x, s);
  Tensor y = Tensor::empty(x.shape(), x.device());
  map(x.device(), x.size(), Scale{x.data(), s.data(), y.mutable_data(), inner, factors});
  return y;
}

}  // namespace

Tensor scale_rows(const Tensor& x, const Tensor& s) {
  EBM_CHECK(x.rank() > 0 && x.size() > 0, "scale_rows", to_string(x.shape()), "x (K,…)");
  return scaled("scale_rows", x, s, x.extent(0), x.size() / x.extent(0));
}

Tensor scale_channels(const Tensor& x, const Tensor& s) {
  EBM_CHECK(x.rank() > 0 && x.size() > 0, "scale_channels", to_string(x.shape()), "x (…,C)");
  return scaled("scale_channels", x, s, x.shape().back(), 1);
}

}  // namespace ebm
