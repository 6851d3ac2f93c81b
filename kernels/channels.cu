#include "kernels/channels.h"

#include <string>

#include "kernels/map.h"

namespace ebm {
namespace {

struct Concat {
  const float *a, *b;
  float* y;
  int64_t a_channels, b_channels;
  EBM_HD void operator()(int64_t i) const {
    const int64_t channels = a_channels + b_channels, row = i / channels, c = i % channels;
    y[i] = c < a_channels ? a[row * a_channels + c] : b[row * b_channels + c - a_channels];
  }
};

struct Slice {
  const float* x;
  float* y;
  int64_t channels, first, count;
  EBM_HD void operator()(int64_t i) const { y[i] = x[i / count * channels + first + i % count]; }
};

struct Unslice {
  const float* dy;
  float* dx;
  int64_t channels, first, count;
  EBM_HD void operator()(int64_t i) const {
    const int64_t c = i % channels - first;
    dx[i] = c >= 0 && c < count ? dy[i / channels * count + c] : 0.0f;
  }
};

// `shape` with another last extent.
Shape with_channels(const Shape& shape, int64_t channels) {
  switch (shape.rank()) {
    case 1: return {channels};
    case 2: return {shape[0], channels};
    case 3: return {shape[0], shape[1], channels};
    default: return {shape[0], shape[1], shape[2], channels};
  }
}

}  // namespace

Tensor concat_channels(const Tensor& a, const Tensor& b) {
  EBM_CHECK(a.rank() > 0 && b.rank() > 0 && with_channels(a.shape(), 1) == with_channels(b.shape(), 1),
            "concat_channels", to_string(a.shape()) + " and " + to_string(b.shape()),
            "shapes equal but for the last extent");
  check_same_device("concat_channels", a, b);
  const int64_t ca = a.shape().back(), cb = b.shape().back();
  Tensor y = Tensor::empty(with_channels(a.shape(), ca + cb), a.device());
  map(a.device(), y.size(), Concat{a.data(), b.data(), y.mutable_data(), ca, cb});
  return y;
}

Tensor slice_channels(const Tensor& x, int64_t first, int64_t count) {
  EBM_CHECK(
      x.rank() > 0 && first >= 0 && count > 0 && first + count <= x.shape().back(), "slice_channels",
      "channels " + std::to_string(first) + " to " + std::to_string(first + count) + " of " + to_string(x.shape()),
      "channels within the last extent");
  Tensor y = Tensor::empty(with_channels(x.shape(), count), x.device());
  map(x.device(), y.size(), Slice{x.data(), y.mutable_data(), x.shape().back(), first, count});
  return y;
}

Tensor slice_channels_backward(const Tensor& dy, int64_t first, const Shape& x_shape) {
  Tensor dx = Tensor::empty(x_shape, dy.device());
  map(dy.device(), dx.size(), Unslice{dy.data(), dx.mutable_data(), x_shape.back(), first, dy.shape().back()});
  return dx;
}

}  // namespace ebm
