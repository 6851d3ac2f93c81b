// A Langevin step of images whose energy begins with a convolution: the gradient of that layer with respect
// to x, its leaky ReLU's mask, and the update in one launch. ∂f/∂x is never in memory.
//   h = leaky_relu(conv(x, w) + b)     ds = ∂f/∂h · leaky_relu'      ∂f/∂x = conv2d_backward_data(ds, w)
//   x ← x − drift · (x/σ_ref² − ∂f/∂x) + noise · ξ
#pragma once

#include <optional>

#include "kernels/chain/langevin.h"
#include "kernels/conv/conv.h"

namespace ebm {

// Whether langevin_step_conv can compute this layer: C 1 or 3, stride 1 or 2 in both directions, K a
// multiple of 4, and a band of the image in a block's shared memory. x (N,H,W,C), w (K,R,S,C).
bool langevin_step_conv_applies(const Shape& x, const Shape& w, const ConvGeometry& geometry);

// In place on x (N,H,W,C): langevin_step with the gradient that comes from df_dh (N,P,Q,K) through `mask`,
// whose y is h, and w (K,R,S,C). df_dh and h are both fp32 or both bf16. *rounded, a bf16 tensor of x's shape, becomes
// the new x where it is asked for: what the next step's first convolution reads. The noise is langevin_step's, bit
// for bit. Throws Error where it does not apply.
void langevin_step_conv(Tensor& x, const Tensor& df_dh, const LeakyMask& mask, const Tensor& w,
                        const ConvGeometry& geometry, const LangevinStep& step, const RandomKey& key,
                        uint64_t first_element = 0, Tensor* rounded = nullptr);

// Whether a chain takes it instead of the convolution and the update one after the other: on a GPU wherever
// it applies; on the CPU never, where the convolution's own algorithms are faster (docs/performance.md). The
// environment variable EBM_FUSED_STEP=0|1 decides otherwise, and so does force_langevin_step_conv, for
// tests.
bool prefer_langevin_step_conv(Device device, const Shape& x, const Shape& w, const ConvGeometry& geometry);
void force_langevin_step_conv(std::optional<bool> preferred);

}  // namespace ebm
