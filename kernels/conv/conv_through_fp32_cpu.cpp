// A convolution of bf16 maps by fp32 arithmetic: where the processor multiplies no bf16, or where an algorithm of fp32 is
// faster with the conversions than the library in bf16.
#include "kernels/conv/conv_routine.h"
#include "kernels/to_bf16.h"

namespace ebm::cpu {
namespace {

class ThroughFp32Routine : public ConvRoutine {
 public:
  ThroughFp32Routine(const ConvProblem& p, std::unique_ptr<ConvRoutine> in_fp32)
      : in_fp32_(std::move(in_fp32)), weights_("fp32", p.k * p.r * p.s * p.c) {}

  void run(const Tensor& a, const Tensor& w, const ConvEpilogue& end, Tensor& out) override {
    // One copy of the weights as long as they stay the same, so that the routine packs it once.
    const auto convert = [](const Tensor& from, Tensor& to) { to.copy_from(to_fp32(from).reshaped(to.shape())); };
    const Tensor weights = weights_.get(w, convert).reshaped(w.shape());
    ConvEpilogue fp32_end = end;
    if (end.mask.defined()) fp32_end.mask = to_fp32(end.mask);
    Tensor result = Tensor::empty(out.shape(), kCpu);
    in_fp32_->run(to_fp32(a), weights, fp32_end, result);
    out.copy_from(to_bf16(result));
  }

 private:
  std::unique_ptr<ConvRoutine> in_fp32_;
  PackedWeights weights_;
};

}  // namespace

std::unique_ptr<ConvRoutine> make_through_fp32_routine(const ConvProblem& in_fp32,
                                                       std::unique_ptr<ConvRoutine> routine) {
  if (routine == nullptr) return nullptr;
  return std::make_unique<ThroughFp32Routine>(in_fp32, std::move(routine));
}

}  // namespace ebm::cpu
