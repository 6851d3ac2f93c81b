#include "kernels/conv/conv_library_cuda.h"

#include <string>

#include "core/check.h"
#include "core/deterministic.h"
#include "core/device_calls.h"
#include "kernels/conv/conv_weight_plain.h"
#include "kernels/pad.h"
#include "kernels/round_operand.h"
#include "kernels/to_bf16.h"

namespace ebm::cuda {
namespace {

// The problem that cuDNN is given and the border that x needs for it.
struct Framed {
  ConvProblem problem;
  Padding extra_h, extra_w;  // by a copy of the image
  bool has_border() const { return extra_h != Padding{} || extra_w != Padding{}; }
};

Framed frame(const GraphConvProblem& p) {
  const ConvGeometry& g = p.geometry;
  const SymmetricPadding h = symmetric_padding(p.x[1], p.w[1], p.y[1], g.stride_h, g.pad_h);
  const SymmetricPadding v = symmetric_padding(p.x[2], p.w[2], p.y[2], g.stride_w, g.pad_w);
  const Shape bordered{p.x[0], p.x[1] + h.extra.before + h.extra.after, p.x[2] + v.extra.before + v.extra.after,
                       p.x[3]};
  return {{p.direction, p.device, bordered, p.w, p.y, g.stride_h, g.stride_w, h.symmetric, v.symmetric, p.precision},
          h.extra,
          v.extra};
}

// cuDNN expects 16-byte alignment.
Tensor factor(const Tensor& given, Precision precision) {
  const Tensor tensor = to_fp32(given);
  if (precision == Precision::bf16 && given.type() == ElementType::fp32) return round_operands(tensor, precision);
  return aligned(tensor);
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
    Tensor workspace = Tensor::empty({static_cast<int64_t>(candidate.workspace / sizeof(float)) + 1}, problem.device);
    const cudnnStatus_t status = run(session, candidate, workspace.mutable_data());
    if (status == CUDNN_STATUS_SUCCESS) {
      note_library_algorithm(candidate);
      return count_device_call();
    }
    // of the 3000s: this combination is not supported; anything else is a real failure
    if (status / 1000 != CUDNN_STATUS_NOT_SUPPORTED / 1000) check(status, (op + (" of " + shapes())).c_str());
  }
  EBM_FAIL(op, shapes() + " in " + name(problem.precision) + (deterministic() ? ", deterministic" : ""),
           "a convolution that cuDNN has an algorithm for");
}

constexpr float kOne = 1.0f, kZero = 0.0f;

void forward(const GraphConvProblem& p, const Tensor& x, const Tensor& w, Tensor& y) {
  const Framed framed = frame(p);
  const Tensor image = factor(x, p.precision), weight = factor(w, p.precision);
  const Tensor input = framed.has_border() ? pad_images(image, framed.extra_h, framed.extra_w) : image;
  run_first_supported("cudnnConvolutionForward", framed.problem,
                      [&](const CudnnSession& s, const Candidate& c, float* workspace) {
                        return cudnnConvolutionForward(s.handle, &kOne, s.plan.x, input.data(), s.plan.w, weight.data(),
                                                       s.plan.conv, static_cast<cudnnConvolutionFwdAlgo_t>(c.algorithm),
                                                       workspace, c.workspace, &kZero, s.plan.y, y.mutable_data());
                      });
}

void backward_data(const GraphConvProblem& p, const Tensor& dy, const Tensor& w, Tensor& dx) {
  const Framed framed = frame(p);
  const Tensor gradient = factor(dy, p.precision), weight = factor(w, p.precision);
  Tensor result = framed.has_border() ? Tensor::empty(framed.problem.x, dx.device()) : dx;
  float* out = result.mutable_data();
  run_first_supported(
      "cudnnConvolutionBackwardData", framed.problem, [&](const CudnnSession& s, const Candidate& c, float* workspace) {
        return cudnnConvolutionBackwardData(s.handle, &kOne, s.plan.w, weight.data(), s.plan.y, gradient.data(),
                                            s.plan.conv, static_cast<cudnnConvolutionBwdDataAlgo_t>(c.algorithm),
                                            workspace, c.workspace, &kZero, s.plan.x, out);
      });
  if (framed.has_border()) crop_images(result, framed.extra_h, framed.extra_w, dx);
}

void backward_weight(const GraphConvProblem& p, const Tensor& x, const Tensor& dy, Tensor& dw) {
  const Framed framed = frame(p);
  const Tensor image = factor(x, p.precision);
  const Tensor input = framed.has_border() ? pad_images(image, framed.extra_h, framed.extra_w) : image;
  const Tensor gradient = factor(dy, p.precision);
  // cuDNN may have only routines whose bits change from run to run, as for an image of one channel.
  if (deterministic() && open_session(framed.problem).plan.candidates.empty())
    return conv2d_backward_weight_plain(image, gradient, p.geometry, dw);
  float* out = dw.mutable_data();
  run_first_supported("cudnnConvolutionBackwardFilter", framed.problem,
                      [&](const CudnnSession& s, const Candidate& c, float* workspace) {
                        return cudnnConvolutionBackwardFilter(s.handle, &kOne, s.plan.x, input.data(), s.plan.y,
                                                              gradient.data(), s.plan.conv,
                                                              static_cast<cudnnConvolutionBwdFilterAlgo_t>(c.algorithm),
                                                              workspace, c.workspace, &kZero, s.plan.w, out);
                      });
}

}  // namespace

void run_library_conv(const GraphConvProblem& p, const Tensor& a, const Tensor& b, const ConvEpilogue& given,
                      Tensor& out) {
  Tensor result = p.result == ElementType::fp32 ? out : Tensor::empty(out.shape(), out.device());
  switch (p.direction) {
    case Direction::forward: forward(p, a, b, result); break;
    case Direction::backward_data: backward_data(p, a, b, result); break;
    case Direction::backward_weight: backward_weight(p, a, b, result); break;
  }
  // cuDNN's fused call knows ReLU without a slope only, and may turn a NaN into 0
  ConvEpilogue end = given;
  if (end.mask.defined()) end.mask = to_fp32(end.mask);
  if (!p.is_alone()) end.finish(result);
  if (p.result == ElementType::bf16) out.copy_from(to_bf16(result));
}

}  // namespace ebm::cuda
