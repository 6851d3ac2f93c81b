// Adam over one flat buffer, and what goes with it; one launch each.
#pragma once

#include <cstdint>

#include "core/scalar.h"
#include "core/tensor.h"

namespace ebm {

struct AdamSettings {
  float lr = 1e-3f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  float weight_decay = 0;  // decoupled: each step shrinks the parameters by the factor 1 - lr·weight_decay
};

// What a step's number t ≥ 1 decides, the same for all elements.
struct AdamStep {
  Scalar step_size;             // lr/(1 - β1ᵗ)
  Scalar inv_sqrt_correction2;  // 1/sqrt(1 - β2ᵗ)
  Scalar shrink;                // 1 - lr·weight_decay
};
AdamStep adam_at(const AdamSettings& settings, int64_t t);

// Kingma & Ba 2015, with bias correction, and with Loshchilov & Hutter's weight decay. All tensors have the shape
// of parameters. A gradient longer than clip_norm is shortened to it; norm_sq (1) is its squared length. clip_norm
// 0: no clipping, and norm_sq is not read.
void adam_step(Tensor& parameters, const Tensor& gradient, Tensor& m, Tensor& v, const AdamSettings& settings,
               const AdamStep& step, const Tensor& norm_sq, float clip_norm);

// average ← decay · average + (1 - decay) · x
void ema_update(Tensor& average, const Tensor& x, Scalar decay);

}  // namespace ebm
