#include "kernels/resize.h"

#include "kernels/map.h"

namespace ebm {
namespace {

// A place between two pixels: the first, the second, and how far the second's share goes.
struct Between {
  int64_t first, second;
  float share;
};

EBM_HD Between between(int64_t place, float scale, int64_t extent) {
  const float at = static_cast<float>(place) * scale;
  const int64_t first = static_cast<int64_t>(at);
  return {first, first + 1 < extent ? first + 1 : extent - 1, at - static_cast<float>(first)};
}

struct Resize {
  int64_t height, width, channels;  // of x
  int64_t rows, columns;            // of y
  float scale_h, scale_w;
  const float* x;
  float* y;
  EBM_HD void operator()(int64_t i) const {  // i: element of y
    const int64_t c = i % channels, pixel = i / channels;
    const Between v = between(pixel / columns % rows, scale_h, height), h = between(pixel % columns, scale_w, width);
    const float* image = x + pixel / columns / rows * height * width * channels + c;
    const float* top = image + v.first * width * channels;
    const float* bottom = image + v.second * width * channels;
    const float above = top[h.first * channels] + (top[h.second * channels] - top[h.first * channels]) * h.share;
    const float below =
        bottom[h.first * channels] + (bottom[h.second * channels] - bottom[h.first * channels]) * h.share;
    y[i] = above + (below - above) * v.share;
  }
};

}  // namespace

Tensor resize_bilinear(const Tensor& x, int64_t height, int64_t width) {
  EBM_CHECK(x.rank() == 4 && x.size() > 0, "resize_bilinear", to_string(x.shape()), "x (N,H,W,C)");
  EBM_CHECK(height > 0 && width > 0, "resize_bilinear", std::to_string(height) + "x" + std::to_string(width),
            "a size of at least 1x1");
  Tensor y = Tensor::empty({x.extent(0), height, width, x.extent(3)}, x.device());
  const Resize resize{x.extent(1),
                      x.extent(2),
                      x.extent(3),
                      height,
                      width,
                      static_cast<float>(x.extent(1)) / static_cast<float>(height),
                      static_cast<float>(x.extent(2)) / static_cast<float>(width),
                      x.data(),
                      y.mutable_data()};
  map(x.device(), y.size(), resize, 4);
  return y;
}

}  // namespace ebm
