// Every differentiable op: the table of contents of the engine. Shapes as in core/tensor.h's legend. Each
// checks its input and throws Error. Values and derivatives are in kernels/, the pairing is in ops.cpp, the
// test of each gradient is one line of tests/autograd/gradient_test.cpp.
#pragma once

#include "autograd/tape.h"
#include "core/random.h"
#include "kernels/conv/conv.h"
#include "kernels/lu_matrix.h"

namespace ebm {

// Convolutions and matrix products. b may be an undefined Var: no bias.
// leaky_relu(conv(x, w) + b): x (N,H,W,C), w (K,R,S,C), b (K) or (N,P,Q,K) -> (N,P,Q,K). negative_slope 1: linear.
Var conv2d(const Var& x, const Var& w, const Var& b, const ConvGeometry& geometry, float negative_slope = 1.0f);
// leaky_relu of the transposed convolution + b: x (N,P,Q,Cin), w (Cin,R,S,Cout), b (Cout) -> (N,H,W,Cout),
// H = (P-1)·stride + R - pad.before - pad.after
Var conv_transpose2d(const Var& x, const Var& w, const Var& b, const ConvGeometry& geometry,
                     float negative_slope = 1.0f);
Var linear(const Var& x, const Var& w, const Var& b);  // x (N,I), w (O,I), b (O) -> (N,O)

// Batch statistics over all but the last extent; gamma may be undefined: no scale. x (…,C), gamma, beta (C).
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, float eps = 1e-3f);
// Statistics of each image and channel by itself: x (N,H,W,C). gamma and beta (C), or (N,C): other ones for each image
// (adaptive instance normalisation, Huang & Belongie 2017); each may be undefined: no scale, no shift.
Var instance_norm(const Var& x, const Var& gamma = {}, const Var& beta = {}, float eps = 1e-5f);
// Keeps each element with probability `keep` and divides it by keep; the mask is a function of key.
Var dropout(const Var& x, float keep, const RandomKey& key, uint64_t first_element = 0);

// Elementwise.
Var relu(const Var& x);
Var leaky_relu(const Var& x, float negative_slope);  // slope in [0, 1]
Var tanh(const Var& x);
Var swish(const Var& x);  // x · sigmoid(x), also called SiLU
Var sigmoid(const Var& x);
Var softplus(const Var& x);
Var square(const Var& x);
Var exp(const Var& x);
Var log(const Var& x);
Var abs(const Var& x);
Var scale(const Var& x, float factor);
Var add(const Var& a, const Var& b);  // equal shapes
Var sub(const Var& a, const Var& b);
Var mul(const Var& a, const Var& b);
Var add_bias(const Var& x, const Var& b);  // x (…,C), b (C)

// A factor for each row or each channel, kernels/scale.h.
Var scale_rows(const Var& x, const Var& s);      // x (K,…), s (K)
Var scale_channels(const Var& x, const Var& s);  // x (…,C), s (C)
// W = P·L·U by its factors, kernels/lu_matrix.h: lower (C,C), log_s (C), upper (C,C) -> (C,C).
Var lu_matrix(const Var& lower, const Var& log_s, const Var& upper, const LuPattern& pattern);

// Reductions. A row is all that stands under one index of the first extent.
Var sum(const Var& x);              // -> (1)
Var mean(const Var& x);             // -> (1)
Var mean(const Var& x, int64_t n);  // Σ x / n -> (1): this rank's part of a mean over n rows of all ranks
Var sum_rows(const Var& x);         // (N,…) -> (N)
Var mean_rows(const Var& x);        // (N,…) -> (N)
Var sum_first(const Var& x);        // (K,…) -> (1,…)
Var logsumexp_rows(const Var& x);   // (N,M) -> (N)
// Σ (tanh(s) − x)² of each row: s and x (N,…) -> (N), value and derivative in one kernel.
Var tanh_error(const Var& s, const Tensor& x);

// Over pixels, kernels/pool.h.
Var average_pool2d(const Var& x, int window, const ConvGeometry& geometry);  // (N,H,W,C) -> (N,P,Q,C)
Var average_pixels(const Var& x);                                            // (N,H,W,C) -> (N,C)

// Shape.
Var reshape(const Var& x, const Shape& shape);
Var concat_channels(const Var& a, const Var& b);                 // (…,A), (…,B) -> (…,A+B)
Var slice_channels(const Var& x, int64_t first, int64_t count);  // (…,C) -> (…,count)
Var space_to_depth(const Var& x);                                // (N,H,W,C) -> (N,H/2,W/2,4C)
Var depth_to_space(const Var& x);                                // (N,P,Q,4C) -> (N,2P,2Q,C)

}  // namespace ebm
