// Instance normalisation: y = gamma · (x − mean_nc) / sqrt(var_nc + eps) + beta over H·W, for each image n and channel c by itself.
// So images know nothing of each other, and ranks need no sums.
#pragma once

#include "core/tensor.h"

namespace ebm {

struct InstanceNormSaved {
  Tensor mean;     // (N,C)
  Tensor inv_std;  // (N,C), 1/sqrt(var + eps), var the biased variance
};

struct InstanceNormGradients {
  Tensor dx;             // (N,H,W,C)
  Tensor dgamma, dbeta;  // shaped like gamma and beta
};

// x (N,H,W,C); gamma and beta (C), or (N,C): other ones for each image. Each may be undefined: no scale, no shift.
Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps, InstanceNormSaved& saved);
InstanceNormGradients instance_norm_backward(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& dy,
                                             const InstanceNormSaved& saved);

}  // namespace ebm
