// Batch normalisation with batch statistics always (the recipes sample with them too; there are no running
// averages): y = gamma · (x - mean_c) / sqrt(var_c + eps) + beta over N·H·W for each channel c. The batch is that of all
// ranks of the world (core/communicator.h); x, y and their gradients are this rank's rows, dgamma and dbeta its part.
#pragma once

#include "core/tensor.h"

namespace ebm {

struct BatchNormSaved {
  Tensor mean;     // (C)
  Tensor inv_std;  // (C), 1/sqrt(var + eps), var the biased variance
};

struct BatchNormGradients {
  Tensor dx;      // (N,H,W,C)
  Tensor dgamma;  // (C); undefined if gamma was
  Tensor dbeta;   // (C)
};

// x (N,H,W,C) or (N,C); gamma (C) may be undefined: no scale; beta (C).
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps, BatchNormSaved& saved);
BatchNormGradients batch_norm_backward(const Tensor& x, const Tensor& gamma, const Tensor& dy,
                                       const BatchNormSaved& saved);

}  // namespace ebm
