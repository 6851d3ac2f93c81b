// Adam over one flat buffer, and what goes with it; one launch each.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace ebm {

struct AdamSettings {
  float lr = 1e-3f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  float weight_decay = 0;  // decoupled: each step shrinks the parameters by the factor 1 - lr·weight_decay
};

// Kingma & Ba 2015, with bias correction, and with Loshchilov & Hutter's weight decay; t counts from 1. All
// tensors have the shape of parameters.
// gradient_scale multiplies the gradient first (global-norm clipping).
void adam_step(Tensor& parameters, const Tensor& gradient, Tensor& m, Tensor& v, int64_t t,
               const AdamSettings& settings, float gradient_scale);

// average ← decay · average + (1 - decay) · x
void ema_update(Tensor& average, const Tensor& x, float decay);

}  // namespace ebm
