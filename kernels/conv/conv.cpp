#include "kernels/conv/conv.h"

#include <atomic>
#include <sstream>
#include <string>

#include "core/check.h"
#include "kernels/bias_activation.h"
#include "kernels/conv/conv_plan.h"
#include "kernels/to_bf16.h"

namespace ebm {
namespace {

std::string describe(const Shape& x, const Shape& w) { return "x " + to_string(x) + ", w " + to_string(w); }

std::atomic<int64_t> forward_calls, backward_data_calls, backward_weight_calls;

int64_t output_extent(int64_t in, int64_t kernel, int stride, Padding pad) {
  const int64_t room = in + pad.before + pad.after - kernel;
  return room < 0 ? 0 : room / stride + 1;
}

bool has_bias_map(const ConvEpilogue& end) { return end.bias.defined() && end.bias.rank() == 4; }

void check_epilogue(const char* op, const ConvEpilogue& end, const Shape& result, const Tensor& like) {
  if (end.bias.defined() && !has_bias_map(end)) check_shape(op, "b", end.bias, {result[3]});
  if (!end.mask.defined()) return;
  EBM_CHECK(!end.bias.defined(), op, "a bias and a mask", "one of them");
  check_shape(op, "the mask", end.mask, result);
  check_same_device(op, like, end.mask);
  EBM_CHECK(end.mask.type() == like.type(), op, std::string("a mask in ") + name(end.mask.type()), name(like.type()));
}

}  // namespace

ConvCalls conv_calls() { return {forward_calls, backward_data_calls, backward_weight_calls}; }

std::string conv_plans_to_string() { return cuda::plans_to_string() + cpu::plans_to_string(); }

void conv_plans_from_string(const std::string& text) {
  std::string of_gpus, of_cpu;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) (line.starts_with("cuda ") ? of_gpus : of_cpu) += line + "\n";
  cuda::plans_from_string(of_gpus);
  cpu::plans_from_string(of_cpu);
}

Shape conv2d_shape(const Shape& x, const Shape& w, const ConvGeometry& g) {
  EBM_CHECK(x.rank() == 4 && w.rank() == 4 && x[3] == w[3], "conv2d", describe(x, w), "x (N,H,W,C) and w (K,R,S,C)");
  EBM_CHECK(g.stride_h > 0 && g.stride_w > 0, "conv2d", "stride 0", "1 or more");
  const int64_t p = output_extent(x[1], w[1], g.stride_h, g.pad_h);
  const int64_t q = output_extent(x[2], w[2], g.stride_w, g.pad_w);
  EBM_CHECK(p > 0 && q > 0, "conv2d", describe(x, w), "a kernel no larger than the padded image");
  return {x[0], p, q, w[0]};
}

Shape conv_transpose2d_shape(const Shape& x, const Shape& w, const ConvGeometry& g) {
  EBM_CHECK(x.rank() == 4 && w.rank() == 4 && x[3] == w[0], "conv_transpose2d", describe(x, w),
            "x (N,P,Q,Cin) and w (Cin,R,S,Cout)");
  const int64_t height = (x[1] - 1) * g.stride_h + w[1] - g.pad_h.before - g.pad_h.after;
  const int64_t width = (x[2] - 1) * g.stride_w + w[2] - g.pad_w.before - g.pad_w.after;
  EBM_CHECK(height > 0 && width > 0, "conv_transpose2d", describe(x, w), "less padding");
  return {x[0], height, width, w[3]};
}

ConvEpilogue ConvEpilogue::bias_activation(const Tensor& b, float negative_slope) {
  ConvEpilogue end;
  end.bias = b;
  end.negative_slope = negative_slope;
  return end;
}

void ConvEpilogue::finish(Tensor& result) const {
  if (mask.defined())
    pass_through({mask, negative_slope}, result);
  else
    ebm::bias_activation(result, bias, negative_slope);
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b, const ConvGeometry& geometry, float negative_slope) {
  return conv2d(x, w, geometry, ConvEpilogue::bias_activation(b, negative_slope));
}

Tensor conv2d(const Tensor& x, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end) {
  check_same_device("conv2d", x, w);
  const Shape y_shape = conv2d_shape(x.shape(), w.shape(), geometry);
  check_epilogue("conv2d", end, y_shape, x);
  const bool map = has_bias_map(end);
  Tensor y = Tensor::empty(y_shape, x.device(), x.type());
  const auto run = x.device().is_cuda() ? cuda::conv2d : cpu::conv2d;
  ++forward_calls;
  run(x, w, geometry, map ? ConvEpilogue() : end, y);
  if (map) end.finish(y);
  return y;
}

Tensor conv2d_backward_data(const Tensor& dy, const Tensor& w, const Shape& x_shape, const ConvGeometry& geometry,
                            const ConvEpilogue& end) {
  check_same_device("conv2d_backward_data", dy, w);
  check_shape("conv2d_backward_data", "dy", dy, conv2d_shape(x_shape, w.shape(), geometry));
  check_epilogue("conv2d_backward_data", end, x_shape, dy);
  EBM_CHECK(!has_bias_map(end), "conv2d_backward_data", "a map of biases", "one for each channel");
  Tensor dx = Tensor::empty(x_shape, dy.device(), dy.type());
  const auto run = dy.device().is_cuda() ? cuda::conv2d_backward_data : cpu::conv2d_backward_data;
  ++backward_data_calls;
  run(dy, w, geometry, end, dx);
  return dx;
}

Tensor conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Shape& w_shape, const ConvGeometry& geometry) {
  check_same_device("conv2d_backward_weight", x, dy);
  check_shape("conv2d_backward_weight", "dy", dy, conv2d_shape(x.shape(), w_shape, geometry));
  // in fp32 on the CPU, on the same numbers
  if (x.type() == ElementType::bf16 && !x.device().is_cuda())
    return conv2d_backward_weight(to_fp32(x), to_fp32(to_bf16(dy)), w_shape, geometry);
  Tensor dw = Tensor::empty(w_shape, x.device());
  const auto run = x.device().is_cuda() ? cuda::conv2d_backward_weight : cpu::conv2d_backward_weight;
  ++backward_weight_calls;
  run(x, dy, geometry, dw);
  return dw;
}

}  // namespace ebm
