// Convolutions on the GPU by cuDNN, NHWC throughout: weights (K,R,S,C) are cuDNN's NHWC filter as they lie.
#include "kernels/conv/conv.h"
#include "kernels/conv/conv_ways_cuda.h"

namespace ebm::cuda {
namespace {

// bf16 where the factor x is stored so or rounded to it.
ElementType factors(const Tensor& x) { return precision() == Precision::bf16 ? ElementType::bf16 : x.type(); }

Third third_of(const ConvEpilogue& end) {
  return end.mask.defined() ? Third::mask : end.bias.defined() ? Third::bias : Third::none;
}

}  // namespace

void conv2d(const Tensor& x, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end, Tensor& y) {
  run_conv({Direction::forward, x.device(), x.shape(), w.shape(), y.shape(), geometry, third_of(end),
            end.negative_slope, precision(), factors(x), y.type()},
           x, w, end, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end,
                          Tensor& dx) {
  run_conv({Direction::backward_data, dy.device(), dx.shape(), w.shape(), dy.shape(), geometry, third_of(end),
            end.negative_slope, precision(), factors(dy), dx.type()},
           dy, w, end, dx);
}

void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const ConvGeometry& geometry, Tensor& dw) {
  run_conv({Direction::backward_weight, x.device(), x.shape(), dw.shape(), dy.shape(), geometry, Third::none, 1.0f,
            precision(), factors(x), dw.type()},
           x, dy, {}, dw);
}

}  // namespace ebm::cuda
