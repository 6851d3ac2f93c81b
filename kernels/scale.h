// One factor for each row or for each channel of an array: the gains of weights.
#pragma once

#include "core/tensor.h"

namespace ebm {

Tensor scale_rows(const Tensor& x, const Tensor& s);      // x (K,…), s (K)
Tensor scale_channels(const Tensor& x, const Tensor& s);  // x (…,C), s (C)

}  // namespace ebm
