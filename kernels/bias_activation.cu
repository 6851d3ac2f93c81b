#include "kernels/bias_activation.h"

#include "kernels/map_channels.h"
#include "kernels/map_values.h"

namespace ebm {
namespace {

template <bool kBias>
struct BiasActivation {
  const float* b;
  float* y;
  float slope;
  EBM_HD void operator()(int64_t i, int64_t c) const {
    const float sum = kBias ? y[i] + b[c] : y[i];
    y[i] = sum > 0 ? sum : slope * sum;  // a NaN stays a NaN
  }
};

struct PassThrough {
  float slope;
  EBM_HD void operator()(float& dy, float y) const { dy *= leaky_derivative(y, slope); }
};

}  // namespace

void bias_activation(Tensor& y, const Tensor& b, float negative_slope) {
  if (!b.defined() && negative_slope == 1.0f) return;
  EBM_CHECK(y.rank() > 0, "bias_activation", "a scalar", "y (..., C)");
  const int64_t channels = y.shape().back(), rows = channels ? y.size() / channels : 0;
  float* data = y.mutable_data();
  if (b.defined()) {
    check_shape("bias_activation", "b", b, {channels});
    check_same_device("bias_activation", y, b);
    map_channels(y.device(), rows, channels, BiasActivation<true>{b.data(), data, negative_slope});
  } else {
    map_channels(y.device(), rows, channels, BiasActivation<false>{nullptr, data, negative_slope});
  }
}

void pass_through(const LeakyMask& mask, Tensor& dy) {
  if (!mask.y.defined()) return;
  check_same_shape("pass_through", mask.y, dy);
  map_values(dy.device(), dy.size(), PassThrough{mask.negative_slope}, ReadWrite{dy.mutable_data()},
             Read{mask.y.data()});
}

}  // namespace ebm
