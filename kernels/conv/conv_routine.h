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
  bool has_bias = false, has_mask = false;
  bool bf16 = false;            // of the maps and the weights; bias and sums are fp32
  float negative_slope = 1.0f;  // of the activation or the mask; 1: none
  int threads = 1;

  // of one image: (H,W,C) and (P,Q,K)
  int64_t x_size() const { return h * w * c; }
  int64_t y_size() const { return p * q * k; }

  auto operator<=>(const ConvProblem&) const = default;
};

ConvProblem conv_problem(ConvDirection direction, const Shape& x, const Shape& w, const Shape& y,
                         const ConvGeometry& geometry);
std::string to_string(const ConvProblem& problem);

// One algorithm set up for one problem. Operands by direction:
//   forward          a = x, b = w, out = y
//   backward_data    a = dy, b = w, out = dx
//   backward_weight  a = x, b = dy, out = dw; without an epilogue
class ConvRoutine {
 public:
  virtual ~ConvRoutine() = default;
  virtual void run(const Tensor& a, const Tensor& b, const ConvEpilogue& end, Tensor& out) = 0;
};

// Each returns nullptr for a problem that it cannot compute. Of bf16 the library's does on a processor that multiplies
// bf16 alone, the columns' does not, and Winograd's rounds what it has transformed: with F(4, 3) its error is 1.1 % where
// operands that are rounded themselves make 0.2 %.
std::unique_ptr<ConvRoutine> make_library_routine(const ConvProblem& problem, bool blocked);
std::unique_ptr<ConvRoutine> make_columns_routine(const ConvProblem& problem);
std::unique_ptr<ConvRoutine> make_winograd_routine(const ConvProblem& problem);
// The bf16 problem by a routine of the same problem in fp32: on the same numbers, its result rounded. nullptr for nullptr.
std::unique_ptr<ConvRoutine> make_through_fp32_routine(const ConvProblem& in_fp32,
                                                       std::unique_ptr<ConvRoutine> routine);

// A problem's epilogue, image by image: for a result that is still in the cache.
class ImageEpilogue {
 public:
  ImageEpilogue(const ConvEpilogue& end, int64_t channels)
      : bias_(end.bias.defined() ? end.bias.data() : nullptr),
        mask_(end.mask),
        negative_slope_(end.negative_slope),
        channels_(channels) {}

  // The n-th image of the result, of so many elements, in place.
  void finish(int64_t n, float* image, int64_t elements) const;

 private:
  const float* bias_;
  Tensor mask_;  // of either type, or undefined
  float negative_slope_;
  int64_t channels_;
};

// Weights rearranged for a routine, kept until the weights change. `layout` names the arrangement, so that
// routines which agree on it share one copy; pack(from, to) writes `size` elements of that type.
class PackedWeights {
 public:
  PackedWeights(const std::string& layout, int64_t size, ElementType type = ElementType::fp32);
  const Tensor& get(const Tensor& w, const std::function<void(const Tensor& from, Tensor& to)>& pack) const;

 private:
  int layout_;
  int64_t size_;
  ElementType type_;
};

}  // namespace ebm::cpu
