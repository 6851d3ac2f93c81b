#include "kernels/pool.h"

#include <cmath>
#include <string>

#include "kernels/map.h"

namespace ebm {
namespace {

struct Windows {
  int64_t height, width, channels;  // of x
  int64_t rows, columns;            // P, Q of y
  int window, stride_h, stride_w, top, left;
};

// Gives f(value) those elements of x that the window of y's element i covers.
template <class F>
EBM_HD void for_window(const Windows& s, const float* x, int64_t i, F& f) {
  const int64_t c = i % s.channels, pixel = i / s.channels;
  const int64_t q = pixel % s.columns, p = pixel / s.columns % s.rows, n = pixel / s.columns / s.rows;
  for (int r = 0; r < s.window; ++r) {
    const int64_t h = p * s.stride_h - s.top + r;
    if (h < 0 || h >= s.height) continue;
    for (int k = 0; k < s.window; ++k) {
      const int64_t w = q * s.stride_w - s.left + k;
      if (w >= 0 && w < s.width) f(x[((n * s.height + h) * s.width + w) * s.channels + c]);
    }
  }
}

struct Largest {
  float value = -INFINITY;
  EBM_HD void operator()(float v) { value = v > value || v != v ? v : value; }  // NaN stays
  EBM_HD float result() const { return value; }
};

struct Average {
  float sum = 0;
  int count = 0;
  EBM_HD void operator()(float v) {
    sum += v;
    ++count;
  }
  EBM_HD float result() const { return sum / static_cast<float>(count); }
};

template <class Result>
struct Pool {
  Windows s;
  const float* x;
  float* y;
  EBM_HD void operator()(int64_t i) const {  // i: element of y
    Result result;
    for_window(s, x, i, result);
    y[i] = result.result();
  }
};

struct AveragePixels {
  int64_t pixels, channels;
  const float* x;
  float* y;
  EBM_HD void operator()(int64_t i) const {  // i: element of y
    const float* image = x + i / channels * pixels * channels + i % channels;
    float sum = 0;
    for (int64_t p = 0; p < pixels; ++p) sum += image[p * channels];
    y[i] = sum / static_cast<float>(pixels);
  }
};

template <class Result>
Tensor pool(const char* op, const Tensor& x, int window, const ConvGeometry& g) {
  EBM_CHECK(window > 0 && g.pad_h.before < window && g.pad_h.after < window && g.pad_w.before < window &&
                g.pad_w.after < window,
            op, "a window of " + std::to_string(window), "one that is larger than the border");
  EBM_CHECK(x.rank() == 4, op, to_string(x.shape()), "x (N,H,W,C)");
  const int64_t channels = x.extent(3);
  // the shape of a convolution with as many filters as there are channels
  Tensor y = Tensor::empty(conv2d_shape(x.shape(), {channels, window, window, channels}, g), x.device());
  const Windows s{x.extent(1), x.extent(2), channels,   y.extent(1),    y.extent(2),
                  window,      g.stride_h,  g.stride_w, g.pad_h.before, g.pad_w.before};
  map(x.device(), y.size(), Pool<Result>{s, x.data(), y.mutable_data()}, window * window);
  return y;
}

}  // namespace

Tensor max_pool2d(const Tensor& x, int window, const ConvGeometry& geometry) {
  return pool<Largest>("max_pool2d", x, window, geometry);
}

Tensor average_pool2d(const Tensor& x, int window, const ConvGeometry& geometry) {
  return pool<Average>("average_pool2d", x, window, geometry);
}

Tensor average_pixels(const Tensor& x) {
  EBM_CHECK(x.rank() == 4 && x.size() > 0, "average_pixels", to_string(x.shape()), "x (N,H,W,C)");
  Tensor y = Tensor::empty({x.extent(0), x.extent(3)}, x.device());
  const int64_t pixels = x.extent(1) * x.extent(2);
  map(x.device(), y.size(), AveragePixels{pixels, x.extent(3), x.data(), y.mutable_data()}, pixels);
  return y;
}

}  // namespace ebm
