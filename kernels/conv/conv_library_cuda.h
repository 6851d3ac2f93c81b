// Convolutions by cuDNN's older API, whose kernels are compiled beforehand, on fp32 tensors; what follows the
// convolution is a kernel of its own.
#pragma once

#include "kernels/conv/conv_graph_cuda.h"

namespace ebm::cuda {

// Any problem, on tensors of its types; maps of bf16 are converted. In bf16 the factors are rounded and multiplied by
// tf32's tensor cores, to which bf16 values are exact: the older API's own bf16 would round the result too. Throws
// Error where it has no algorithm.
void run_library_conv(const GraphConvProblem& problem, const Tensor& a, const Tensor& b, const ConvEpilogue& end,
                      Tensor& out);

}  // namespace ebm::cuda
