#include "kernels/bias_activation.h"

#include "kernels/map_channel_values.h"
#include "kernels/map_values.h"

namespace ebm {
namespace {

struct BiasActivation {
  float slope;
  EBM_HD void operator()(float& y) const { y = y > 0 ? y : slope * y; }  // a NaN stays a NaN
  EBM_HD void operator()(float& y, float b) const {
    y += b;
    (*this)(y);
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
  const bool map = b.defined() && b.rank() == 4;
  if (b.defined()) {
    check_shape("bias_activation", "b", b, map ? y.shape() : Shape{channels});
    check_same_device("bias_activation", y, b);
  }
  const auto run = [&](const auto& values) {
    const BiasActivation f{negative_slope};
    if (map)
      map_values(y.device(), y.size(), f, values, Read{b.data()});
    else if (b.defined())
      map_channel_values(y.device(), rows, channels, f, values, ReadChannel{b.data(), channels});
    else
      map_values(y.device(), y.size(), f, values);
  };
  if (y.type() == ElementType::bf16)
    run(ReadWrite{y.mutable_bf16_data()});
  else
    run(ReadWrite{y.mutable_data()});
}

void pass_through(const LeakyMask& mask, Tensor& dy) {
  if (!mask.y.defined()) return;
  check_same_shape("pass_through", mask.y, dy);
  const PassThrough f{mask.negative_slope};
  if (dy.type() == ElementType::bf16)
    map_values(dy.device(), dy.size(), f, ReadWrite{dy.mutable_bf16_data()}, Read{mask.y.bf16_data()});
  else
    map_values(dy.device(), dy.size(), f, ReadWrite{dy.mutable_data()}, Read{mask.y.data()});
}

}  // namespace ebm
