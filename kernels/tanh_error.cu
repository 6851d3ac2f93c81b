#include "kernels/tanh_error.h"

#include <cmath>

#include "kernels/reduce_blocks.h"

namespace ebm {
namespace {

struct ErrorAndDerivative {
  const float *s, *x;
  float* derivative;
  EBM_HD double operator()(int64_t i) const {
    const float y = tanhf(s[i]), difference = y - x[i];
    derivative[i] = 2 * difference * (1 - y * y);
    return static_cast<double>(difference) * difference;
  }
};
struct StoreError {
  float* error;
  EBM_HD void operator()(int64_t row, double sum) const { error[row] = static_cast<float>(sum); }
};
struct ScaleRow {
  const float *derivative, *dy;
  float* ds;
  int64_t n;  // elements of a row
  EBM_HD void operator()(int64_t i) const { ds[i] = dy[i / n] * derivative[i]; }
};

}  // namespace

TanhError tanh_error(const Tensor& s, const Tensor& x) {
  check_same_shape("tanh_error", s, x);
  EBM_CHECK(s.rank() > 0 && s.size() > 0, "tanh_error", to_string(s.shape()), "s (N, ...)");
  const int64_t rows = s.extent(0);
  TanhError result{Tensor::empty({rows}, s.device()), Tensor::empty(s.shape(), s.device())};
  reduce_rows(s.device(), rows, s.size() / rows,
              ErrorAndDerivative{s.data(), x.data(), result.derivative.mutable_data()},
              StoreError{result.error.mutable_data()});
  return result;
}

Tensor tanh_error_backward(const Tensor& derivative, const Tensor& dy) {
  check_shape("tanh_error_backward", "dy", dy, {derivative.extent(0)});
  check_same_device("tanh_error_backward", derivative, dy);
  Tensor ds = Tensor::empty(derivative.shape(), derivative.device());
  map(ds.device(), ds.size(),
      ScaleRow{derivative.data(), dy.data(), ds.mutable_data(), derivative.size() / derivative.extent(0)});
  return ds;
}

}  // namespace ebm
