// Inside the CPU convolution: what its algorithms have in common. Included by conv_*_cpu.cpp only.
#pragma once

#include <compare>
#include <functional>
#include <memory>
#include <string>

#include "core/tensor.h"
#include "kernels/conv/conv.h"

namespace ebm::cpu {

enum class ConvDirection { forward, backward_data, backward_weight };

// Everything an algorithm may depend on, so that a routine made for a problem serves all calls of it.
//   x (N,H,W,C)   w (K,R,S,C)   y (N,P,Q,K)
struct ConvProblem {
  ConvDirection direction = ConvDirection::forward;
  int64_t n = 0, h = 0, w = 0, c = 0, k = 0, r = 0, s = 0, p = 0, q = 0;
  int stride_h = 1, stride_w = 1;
  int pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
  bool has_bias = false;        // forward only
  float negative_slope = 1.0f;  // of the activation (forward) or the mask (backward_data); 1: none
  int threads = 1;

  auto operator<=>(const ConvProblem&) const = default;
};

ConvProblem conv_problem(ConvDirection direction, const Shape& x, const Shape& w, const Shape& y,
                         const ConvGeometry& geometry);
std::string to_string(const ConvProblem& problem);

// One algorithm set up for one problem. Operands by direction:
//   forward          a = x, b = w, third = bias or undefined, out = y
//   backward_data    a = dy, b = w, third = the mask's y (N,H,W,C) or undefined, out = dx
//   backward_weight  a = x, b = dy, out = dw
class ConvRoutine {
 public:
  virtual ~ConvRoutine() = default;
  virtual void run(const Tensor& a, const Tensor& b, const Tensor& third, Tensor& out) = 0;
};

// Each returns nullptr for a problem that it cannot compute.
std::unique_ptr<ConvRoutine> make_library_routine(const ConvProblem& problem, bool blocked);
std::unique_ptr<ConvRoutine> make_columns_routine(const ConvProblem& problem);
std::unique_ptr<ConvRoutine> make_winograd_routine(const ConvProblem& problem);

// dx · leaky_relu' in place, for n elements whose mask is y.
inline void apply_mask(const float* y, float negative_slope, float* dx, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) dx[i] *= leaky_derivative(y[i], negative_slope);
}

// Weights rearranged for a routine, kept until the weights change. `layout` names the arrangement, so that
// routines which agree on it share one copy; pack(from, to) writes `size` floats.
class PackedWeights {
 public:
  PackedWeights(const std::string& layout, int64_t size);
  const float* get(const Tensor& w, const std::function<void(const float* from, float* to)>& pack) const;

 private:
  int layout_;
  int64_t size_;
};

}  // namespace ebm::cpu
