#include "kernels/conv/conv_weight_plain.h"

#include <algorithm>

#include "kernels/map.h"
#include "kernels/reduce.h"

namespace ebm {
namespace {

constexpr int64_t kMostParts = int64_t{1} << 22;  // elements of the partial sums: 16 MB

// Element i of (B,K,R,S,C), B = parts: what images b, b + B, b + 2B, … add to an element of dw.
struct PartOfWeight {
  int64_t images, height, width, channels;  // of x
  int64_t rows, columns, outputs;           // P, Q, K of y
  int64_t kernel_h, kernel_w, parts;
  int stride_h, stride_w, top, left;
  const float* x;
  const float* dy;
  float* part;
  EBM_HD void operator()(int64_t i) const {
    const int64_t c = i % channels, tap = i / channels, s = tap % kernel_w, r = tap / kernel_w % kernel_h;
    const int64_t filter = tap / kernel_w / kernel_h, k = filter % outputs, b = filter / outputs;
    float sum = 0;
    for (int64_t n = b; n < images; n += parts) {
      for (int64_t p = 0; p < rows; ++p) {
        const int64_t h = p * stride_h - top + r;
        if (h < 0 || h >= height) continue;
        for (int64_t q = 0; q < columns; ++q) {
          const int64_t w = q * stride_w - left + s;
          if (w < 0 || w >= width) continue;
          sum += x[((n * height + h) * width + w) * channels + c] * dy[((n * rows + p) * columns + q) * outputs + k];
        }
      }
    }
    part[i] = sum;
  }
};

}  // namespace

void conv2d_backward_weight_plain(const Tensor& x, const Tensor& dy, const ConvGeometry& g, Tensor& dw) {
  const Shape &image = x.shape(), &y = dy.shape(), &w = dw.shape();
  if (dw.size() == 0) return;
  // enough parts that there are threads for a GPU, and that no float adds up too many terms
  const int64_t parts = std::clamp<int64_t>(kMostParts / dw.size(), 1, std::max<int64_t>(image[0], 1));
  Tensor part = Tensor::empty({parts, dw.size()}, x.device());
  map(x.device(), part.size(),
      PartOfWeight{image[0], image[1], image[2], image[3], y[1], y[2], y[3], w[1], w[2], parts, g.stride_h, g.stride_w,
                   g.pad_h.before, g.pad_w.before, x.data(), dy.data(), part.mutable_data()},
      (image[0] + parts - 1) / parts * y[1] * y[2]);
  dw.copy_from(sum_first(part));
}

}  // namespace ebm
