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

// The gradient of pixel (h, w) comes from those windows that hold it: of their rows p = (h + top)/stride, and stride lower ones.
struct AverageBackward {
  Windows s;
  const float* dy;
  float* dx;
  EBM_HD static int64_t first(int64_t place, int before, int window, int stride) {
    const int64_t reach = place + before - window;  // the last row of outputs whose window ends before
    return reach < 0 ? 0 : reach / stride + 1;
  }
  EBM_HD static int64_t covered(int64_t begin, int window, int64_t extent) {
    const int64_t from = begin < 0 ? 0 : begin, to = begin + window < extent ? begin + window : extent;
    return to - from;
  }
  EBM_HD void operator()(int64_t i) const {  // i: element of x
    const int64_t c = i % s.channels, pixel = i / s.channels;
    const int64_t w = pixel % s.width, h = pixel / s.width % s.height, n = pixel / s.width / s.height;
    float sum = 0;
    for (int64_t p = first(h, s.top, s.window, s.stride_h); p < s.rows && p * s.stride_h - s.top <= h; ++p) {
      const int64_t high = covered(p * s.stride_h - s.top, s.window, s.height);
      for (int64_t q = first(w, s.left, s.window, s.stride_w); q < s.columns && q * s.stride_w - s.left <= w; ++q) {
        const int64_t wide = covered(q * s.stride_w - s.left, s.window, s.width);
        sum += dy[((n * s.rows + p) * s.columns + q) * s.channels + c] / static_cast<float>(high * wide);
      }
    }
    dx[i] = sum;
  }
};

struct ExpandPixels {
  int64_t image, channels;  // elements
  float factor;
  const float* v;
  float* y;
  EBM_HD void operator()(int64_t i) const { y[i] = factor * v[i / image * channels + i % channels]; }
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

// Of a convolution with as many filters as there are channels.
Shape pooled_shape(const char* op, const Shape& x, int window, const ConvGeometry& g) {
  EBM_CHECK(window > 0 && g.pad_h.before < window && g.pad_h.after < window && g.pad_w.before < window &&
                g.pad_w.after < window,
            op, "a window of " + std::to_string(window), "one that is larger than the border");
  EBM_CHECK(x.rank() == 4, op, to_string(x), "x (N,H,W,C)");
  return conv2d_shape(x, {x[3], window, window, x[3]}, g);
}

Windows windows_of(const Shape& x, const Shape& y, int window, const ConvGeometry& g) {
  return {x[1], x[2], x[3], y[1], y[2], window, g.stride_h, g.stride_w, g.pad_h.before, g.pad_w.before};
}

template <class Result>
Tensor pool(const char* op, const Tensor& x, int window, const ConvGeometry& g) {
  Tensor y = Tensor::empty(pooled_shape(op, x.shape(), window, g), x.device());
  const Windows s = windows_of(x.shape(), y.shape(), window, g);
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

Tensor average_pool2d_backward(const Tensor& dy, const Shape& x_shape, int window, const ConvGeometry& geometry) {
  constexpr const char* kOp = "average_pool2d_backward";
  check_shape(kOp, "dy", dy, pooled_shape(kOp, x_shape, window, geometry));
  Tensor dx = Tensor::empty(x_shape, dy.device());
  const Windows s = windows_of(x_shape, dy.shape(), window, geometry);
  map(dy.device(), dx.size(), AverageBackward{s, dy.data(), dx.mutable_data()});
  return dx;
}

Tensor expand_pixels(const Tensor& v, const Shape& shape, float factor) {
  EBM_CHECK(shape.rank() == 4, "expand_pixels", to_string(shape), "(N,H,W,C)");
  check_shape("expand_pixels", "v", v, {shape[0], shape[3]});
  Tensor y = Tensor::empty(shape, v.device());
  map(v.device(), y.size(), ExpandPixels{y.size() / shape[0], shape[3], factor, v.data(), y.mutable_data()});
  return y;
}

Tensor average_pixels(const Tensor& x) {
  EBM_CHECK(x.rank() == 4 && x.size() > 0, "average_pixels", to_string(x.shape()), "x (N,H,W,C)");
  Tensor y = Tensor::empty({x.extent(0), x.extent(3)}, x.device());
  const int64_t pixels = x.extent(1) * x.extent(2);
  map(x.device(), y.size(), AveragePixels{pixels, x.extent(3), x.data(), y.mutable_data()}, pixels);
  return y;
}

}  // namespace ebm
