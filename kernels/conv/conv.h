// Two-dimensional convolution: value and derivatives. NHWC activations.
//   x (N,H,W,C)   w (K,R,S,C)   b (K)   y (N,P,Q,K),   P = (H + pad_h.before + pad_h.after - R)/stride_h + 1
// A transposed convolution is the same map read backwards: its forward pass is conv2d_backward_data with
// w (Cin,R,S,Cout), its derivatives are conv2d and conv2d_backward_weight (autograd/ops.h). So either direction may be
// followed by a bias and a leaky ReLU, or by a leaky ReLU's derivative.
#pragma once

#include <memory>
#include <string>

#include "core/tensor.h"
#include "kernels/leaky_relu.h"

namespace ebm {

struct Padding {
  int before = 0, after = 0;  // rows (columns) of zeros above (left) and below (right)
  bool operator==(const Padding&) const = default;
};

struct ConvGeometry {
  int stride_h = 1, stride_w = 1;
  Padding pad_h, pad_w;

  ConvGeometry() = default;
  // The same stride and padding in both directions.
  ConvGeometry(int stride, Padding pad) : stride_h(stride), stride_w(stride), pad_h(pad), pad_w(pad) {}
  bool operator==(const ConvGeometry&) const = default;
};

// Output shape (N,P,Q,K) of conv2d; throws Error if x and w do not fit together.
Shape conv2d_shape(const Shape& x, const Shape& w, const ConvGeometry& geometry);
// Output shape (N,H,W,Cout) of the transposed convolution of x (N,P,Q,Cin) with w (Cin,R,S,Cout).
Shape conv_transpose2d_shape(const Shape& x, const Shape& w, const ConvGeometry& geometry);

// What follows a convolution in the kernel that computes it, s being the convolution's sum: nothing; or
// leaky_relu(s + bias); or with a mask, which a leaky ReLU made, s · leaky_relu'.
struct ConvEpilogue {
  ConvEpilogue() = default;
  ConvEpilogue(const LeakyMask& m) : mask(m.y), negative_slope(m.y.defined() ? m.negative_slope : 1.0f) {}
  // negative_slope: 1 leaves the sum as it is, 0 is ReLU. b may be undefined.
  static ConvEpilogue bias_activation(const Tensor& b, float negative_slope);

  Tensor bias;  // (channels of the result), or of conv2d one for each of its numbers, as it is; or undefined; fp32
  Tensor mask;  // as the result, or undefined; with it there is no bias
  float negative_slope = 1.0f;

  const Tensor& tensor() const { return mask.defined() ? mask : bias; }
  // In a pass of its own over the convolution's result, for where the convolution's kernel cannot do it.
  void finish(Tensor& result) const;
};

// Maps may be bf16 tensors, which are multiplied as bf16 whatever the mode is; weights too, which are rounded where
// the map beside them is bf16 and they are not. Biases and the gradients of weights are fp32.

// y (N,P,Q,K) of x (N,H,W,C), stored as x is.
Tensor conv2d(const Tensor& x, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end = {});
// y = leaky_relu(conv(x, w) + b), b (K) or (N,P,Q,K): a map of biases is added in a pass of its own.
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b, const ConvGeometry& geometry,
              float negative_slope = 1.0f);
// dx (N,H,W,C) = x_shape, from dy (N,P,Q,K), stored as dy is. With a mask, which is x, the leaky ReLU that made x is
// passed through too: dx is then the gradient with respect to what that leaky ReLU was given.
Tensor conv2d_backward_data(const Tensor& dy, const Tensor& w, const Shape& x_shape, const ConvGeometry& geometry,
                            const ConvEpilogue& end = {});
// dw (K,R,S,C) = w_shape, from x (N,H,W,C) and dy (N,P,Q,K).
Tensor conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Shape& w_shape, const ConvGeometry& geometry);

// How often each of the three ran in this process: what a gradient costs, for tests and measurements.
struct ConvCalls {
  int64_t forward = 0, backward_data = 0, backward_weight = 0;
};
ConvCalls conv_calls();

// While one is alive, this thread's convolutions on a GPU are noted and not computed: their results are zeros.
// find_ways() ends that, and finds a way to compute each of them (kernels/conv/conv_ways_cuda.h) with all cores of the
// processor. Whoever rehearses an iteration so does not wait for one compiler after the other in the first one.
class ConvRehearsal {
 public:
  ConvRehearsal();
  ~ConvRehearsal();
  ConvRehearsal(const ConvRehearsal&) = delete;
  ConvRehearsal& operator=(const ConvRehearsal&) = delete;

  void find_ways();

 private:
  struct Notes;
  std::unique_ptr<Notes> notes_;
};

// The two implementations. Shapes were checked and outputs allocated by the functions above. Weights are packed once
// per (storage, version) and the packing is kept between calls.
namespace cpu {
// Whether this processor multiplies bf16 numbers itself (AVX512-BF16 or AMX), which oneDNN reports. One that does not
// computes such convolutions in fp32 on the same numbers.
bool multiplies_bf16();
void conv2d(const Tensor& x, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end, Tensor& y);
void conv2d_backward_data(const Tensor& dy, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end,
                          Tensor& dx);
void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const ConvGeometry& geometry, Tensor& dw);
}  // namespace cpu
namespace cuda {
// How this thread's last convolution was computed, for whoever measures: "graph eng7 k24=21", one kernel with what
// follows it by that engine of cuDNN; "apart eng3", two kernels; or "library, algorithm 1" of cuDNN's older API, "not
// deterministic" where that is so; "" before the first.
std::string last_conv_plan();
// One line: versions of the libraries, how many convolutions run in one kernel with what follows them and why not
// all, and what it took to find that out. For a GPU that was used.
std::string conv_summary();
void conv2d(const Tensor& x, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end, Tensor& y);
void conv2d_backward_data(const Tensor& dy, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end,
                          Tensor& dx);
void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const ConvGeometry& geometry, Tensor& dw);
}  // namespace cuda

}  // namespace ebm
