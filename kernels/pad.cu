#include "kernels/pad.h"

#include "kernels/map.h"

namespace ebm {
namespace {

// Where an image lies in its bordered copy.
struct Frame {
  int64_t height, width, channels;  // of the image
  int64_t top, left;                // borders before it
  int64_t padded_height, padded_width;
};

struct Pad {
  Frame f;
  const float* x;
  float* y;
  EBM_HD void operator()(int64_t i) const {  // i: element of y
    const int64_t pixel = i / f.channels, c = i % f.channels;
    const int64_t row = pixel / f.padded_width, w = pixel % f.padded_width - f.left;
    const int64_t n = row / f.padded_height, h = row % f.padded_height - f.top;
    const bool inside = h >= 0 && h < f.height && w >= 0 && w < f.width;
    y[i] = inside ? x[((n * f.height + h) * f.width + w) * f.channels + c] : 0.0f;
  }
};

struct Crop {
  Frame f;
  const float* x;
  float* y;
  EBM_HD void operator()(int64_t i) const {  // i: element of y, the image
    const int64_t pixel = i / f.channels, c = i % f.channels;
    const int64_t row = pixel / f.width, w = pixel % f.width + f.left;
    const int64_t n = row / f.height, h = row % f.height + f.top;
    y[i] = x[((n * f.padded_height + h) * f.padded_width + w) * f.channels + c];
  }
};

Frame frame(const Shape& image, Padding pad_h, Padding pad_w) {
  return {image[1],
          image[2],
          image[3],
          pad_h.before,
          pad_w.before,
          image[1] + pad_h.before + pad_h.after,
          image[2] + pad_w.before + pad_w.after};
}

}  // namespace

Tensor pad_images(const Tensor& x, Padding pad_h, Padding pad_w) {
  EBM_CHECK(x.rank() == 4, "pad_images", to_string(x.shape()), "x (N,H,W,C)");
  const Frame f = frame(x.shape(), pad_h, pad_w);
  Tensor y = Tensor::empty({x.extent(0), f.padded_height, f.padded_width, f.channels}, x.device());
  map(x.device(), y.size(), Pad{f, x.data(), y.mutable_data()});
  return y;
}

void crop_images(const Tensor& padded, Padding pad_h, Padding pad_w, Tensor& y) {
  EBM_CHECK(y.rank() == 4, "crop_images", to_string(y.shape()), "y (N,H,W,C)");
  const Frame f = frame(y.shape(), pad_h, pad_w);
  check_shape("crop_images", "padded", padded, {y.extent(0), f.padded_height, f.padded_width, f.channels});
  map(y.device(), y.size(), Crop{f, padded.data(), y.mutable_data()});
}

}  // namespace ebm
