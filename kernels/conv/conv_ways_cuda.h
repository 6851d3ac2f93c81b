// The ways to compute a convolution on a GPU and what follows it, and which one is taken. There are, as far as cuDNN has
// them for a shape and its types:
//   graph    one kernel, by one of several engines of cuDNN (conv_graph_cuda.h)
//   apart    the same for the convolution alone, and a kernel of ours for what follows
//   library  cuDNN's older API, likewise (conv_library_cuda.h)
// The first engines of the heuristic and the ways without fusion are timed once a shape, on made-up numbers, and the
// fastest is kept; without timing (kernels/conv/conv_plan.h) it is the first in this order that runs. fp32 and tf32
// convolutions that nothing follows, with even padding, go to the library alone.
#pragma once

#include "kernels/conv/conv_graph_cuda.h"

namespace ebm::cuda {

// Factors a, b: forward x, w; backward data dy, w; backward weight x, dy. Where the
// factors are to be bf16 and are not, they are rounded here. The way is found at a problem's first call, which may
// take seconds and may not be inside a recording.
void run_conv(const GraphConvProblem& problem, const Tensor& a, const Tensor& b, const ConvEpilogue& end, Tensor& out);

}  // namespace ebm::cuda
