// What kernels/*_cuda.cpp define, for a build without CUDA: no tensor is ever on a GPU there, so these
// are reached only by a bug, and say so.
#include "core/check.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/conv_plan.h"
#include "kernels/linear.h"

namespace ebm::cuda {
namespace {

[[noreturn]] void absent(const char* op) { EBM_FAIL(op, "tensors on a GPU", "a build with CUDA (this one has none)"); }

}  // namespace

std::string last_conv_plan() { return ""; }
std::string conv_summary() { return ""; }
std::string plans_to_string() { return ""; }
void plans_from_string(const std::string&) {}  // of a run that began on a GPU
void clear_plans() {}
void conv2d(const Tensor&, const Tensor&, const ConvGeometry&, const ConvEpilogue&, Tensor&) { absent("conv2d"); }
void conv2d_backward_data(const Tensor&, const Tensor&, const ConvGeometry&, const ConvEpilogue&, Tensor&) {
  absent("conv2d_backward_data");
}
void conv2d_backward_weight(const Tensor&, const Tensor&, const ConvGeometry&, Tensor&) {
  absent("conv2d_backward_weight");
}
void gemm(Device, bool, bool, int64_t, int64_t, int64_t, const float*, const float*, float, float*) { absent("gemm"); }
void product_of_bf16(Device, int64_t, const void*, const void*, float*) { absent("product_of_bf16"); }

}  // namespace ebm::cuda

namespace ebm {

struct ConvRehearsal::Notes {};
ConvRehearsal::ConvRehearsal() = default;
ConvRehearsal::~ConvRehearsal() = default;
void ConvRehearsal::find_ways() {}

}  // namespace ebm
