// Convolutions on the GPU by cuDNN, NHWC throughout: weights (K,R,S,C) are cuDNN's NHWC filter as they lie.
#include <string>

#include "core/check.h"
#include "core/deterministic.h"
#include "core/device_calls.h"
#include "kernels/bias_activation.h"
#include "kernels/conv.h"
#include "kernels/conv_graph_cuda.h"
#include "kernels/conv_plan_cuda.h"
#include "kernels/pad.h"
#include "kernels/round_operand.h"

namespace ebm::cuda {
namespace {

// The problem that cuDNN is given and the border that x needs for it.
struct Framed {
  ConvProblem problem;
  Padding extra_h, extra_w;  // by a copy of the image, which the graph API does without
  bool has_border() const { return extra_h != Padding{} || extra_w != Padding{}; }
};

Framed frame(Direction direction, Device device, const Shape& x, const Shape& w, const Shape& y,
             const ConvGeometry& g) {
  const SymmetricPadding h = symmetric_padding(x[1], w[1], y[1], g.stride_h, g.pad_h);
  const SymmetricPadding v = symmetric_padding(x[2], w[2], y[2], g.stride_w, g.pad_w);
  const Shape bordered{x[0], x[1] + h.extra.before + h.extra.after,
                       x[2] + v.extra.before + v.extra.after, x[3]};
  return {{direction, device, bordered, w, y, g.stride_h, g.stride_w, h.symmetric, v.symmetric, precision()},
          h.extra,
          v.extra};
}

// cuDNN expects 16-byte alignment; a view into a parameter buffer may start anywhere.
Tensor aligned(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data()) % 16 == 0 ? tensor : tensor.clone();
}

// In bf16, whether cuDNN's graphs did it, on operands of that type.
bool run_in_bf16(GraphConvProblem problem, const Tensor& a, const Tensor& b, const Tensor& third,
                 Tensor& out) {
  if (problem.precision != Precision::bf16) return false;
  problem.operands = CUDNN_DATA_BFLOAT16;
  return run_graph_conv(problem, a, b, third, out);
}

// An operand in fp32's storage. In bf16, where no graph takes that type, it is rounded here and multiplied by
// tf32's tensor cores, to which bf16 values are exact: the older API's bf16 tensors would round the result too.
Tensor operand(const Tensor& tensor) {
  return precision() == Precision::bf16 ? round_operands(tensor, Precision::bf16) : aligned(tensor);
}

// Calls run(session, candidate, workspace) with one candidate after the other until one is supported.
template <class Run>
void run_first_supported(const char* op, const ConvProblem& problem, const Run& run) {
  const CudnnSession session = open_session(problem);
  const auto shapes = [&] { return "x " + to_string(problem.x) + ", w " + to_string(problem.w); };
  ConvPlan& plan = session.plan;
  for (; plan.chosen < plan.candidates.size(); ++plan.chosen) {
    const Candidate& candidate = plan.candidates[plan.chosen];
    check(cudnnSetConvolutionMathType(plan.conv, candidate.math), "cudnnSetConvolutionMathType");
    // in stream order: the next owner of this memory writes it only after cuDNN is done with it
    Tensor workspace = Tensor::empty({static_cast<int64_t>(candidate.workspace / sizeof(float)) + 1},
                                     problem.device);
    const cudnnStatus_t status = run(session, candidate, workspace.mutable_data());
    if (status == CUDNN_STATUS_SUCCESS) {
      note_conv_plan(&candidate);
      return count_device_call();
    }
    // of the 3000s: this combination is not supported; anything else is a real failure
    if (status / 1000 != CUDNN_STATUS_NOT_SUPPORTED / 1000) check(status, (op + (" of " + shapes())).c_str());
  }
  EBM_FAIL(op, shapes() + " in " + name(problem.precision) + (deterministic() ? ", deterministic" : ""),
           "a convolution that cuDNN has an algorithm for");
}

constexpr float kOne = 1.0f, kZero = 0.0f;

}  // namespace

void conv2d(const Tensor& x, const Tensor& w, const Tensor& b, const ConvGeometry& geometry,
            float negative_slope, Tensor& y) {
  const Tensor bias = b.defined() ? aligned(b) : Tensor();
  const GraphConvProblem problem{Direction::forward, x.device(),  x.shape(),      w.shape(),  y.shape(),
                                 geometry,           b.defined(), negative_slope, precision()};
  if (run_in_bf16(problem, x, w, bias, y)) return;
  const Tensor image = operand(x), weight = operand(w);
  const Framed framed = frame(Direction::forward, x.device(), x.shape(), w.shape(), y.shape(), geometry);
  const bool fusible = negative_slope != 1.0f;
  if ((fusible || framed.has_border()) && run_graph_conv(problem, image, weight, bias, y)) return;
  const Tensor input = framed.has_border() ? pad_images(image, framed.extra_h, framed.extra_w) : image;
  run_first_supported("cudnnConvolutionForward", framed.problem,
                      [&](const CudnnSession& s, const Candidate& c, float* workspace) {
    return cudnnConvolutionForward(s.handle, &kOne, s.plan.x, input.data(), s.plan.w, weight.data(),
                                   s.plan.conv, static_cast<cudnnConvolutionFwdAlgo_t>(c.algorithm),
                                   workspace, c.workspace, &kZero, s.plan.y, y.mutable_data());
  });
  // cuDNN's fused call knows ReLU without a slope only, and may turn a NaN into 0
  bias_activation(y, b, negative_slope);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const ConvGeometry& geometry,
                          const LeakyMask& mask, Tensor& dx) {
  const bool masked = mask.y.defined();
  const Tensor y = masked ? aligned(mask.y) : Tensor();
  const GraphConvProblem problem{Direction::backward_data, dy.device(), dx.shape(), w.shape(), dy.shape(),
                                 geometry, masked, mask.negative_slope, precision()};
  if (run_in_bf16(problem, dy, w, y, dx)) return;
  const Tensor gradient = operand(dy), weight = operand(w);
  const Framed framed =
      frame(Direction::backward_data, dy.device(), dx.shape(), w.shape(), dy.shape(), geometry);
  if ((masked || framed.has_border()) && run_graph_conv(problem, gradient, weight, y, dx)) return;
  Tensor result = framed.has_border() ? Tensor::empty(framed.problem.x, dx.device()) : dx;
  float* out = result.mutable_data();
  run_first_supported("cudnnConvolutionBackwardData", framed.problem,
                      [&](const CudnnSession& s, const Candidate& c, float* workspace) {
    return cudnnConvolutionBackwardData(s.handle, &kOne, s.plan.w, weight.data(), s.plan.y,
                                        gradient.data(), s.plan.conv,
                                        static_cast<cudnnConvolutionBwdDataAlgo_t>(c.algorithm),
                                        workspace, c.workspace, &kZero, s.plan.x, out);
  });
  if (framed.has_border()) crop_images(result, framed.extra_h, framed.extra_w, dx);
  pass_through(mask, dx);
}

void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const ConvGeometry& geometry, Tensor& dw) {
  const GraphConvProblem problem{Direction::backward_weight, x.device(), x.shape(), dw.shape(), dy.shape(),
                                 geometry, false, 1.0f, precision()};
  if (run_in_bf16(problem, x, dy, {}, dw)) return;
  const Framed framed =
      frame(Direction::backward_weight, x.device(), x.shape(), dw.shape(), dy.shape(), geometry);
  const Tensor image = operand(x);
  const Tensor input = framed.has_border() ? pad_images(image, framed.extra_h, framed.extra_w) : image;
  const Tensor gradient = operand(dy);
  float* out = dw.mutable_data();
  run_first_supported("cudnnConvolutionBackwardFilter", framed.problem,
                      [&](const CudnnSession& s, const Candidate& c, float* workspace) {
    return cudnnConvolutionBackwardFilter(s.handle, &kOne, s.plan.x, input.data(), s.plan.y,
                                          gradient.data(), s.plan.conv,
                                          static_cast<cudnnConvolutionBwdFilterAlgo_t>(c.algorithm),
                                          workspace, c.workspace, &kZero, s.plan.w, out);
  });
}

}  // namespace ebm::cuda
