// Random tensors: pure functions of a key (core/random.h). first_element is the global index of the
// tensor's first element, so that a rank or a slice draws what the whole would have drawn there.
#pragma once

#include "core/random.h"
#include "core/scalar.h"
#include "core/tensor.h"

namespace ebm {

void fill_normal(Tensor& x, const RandomKey& key, float mean, Scalar stddev, uint64_t first_element = 0);
void fill_uniform(Tensor& x, const RandomKey& key, float low, float high, uint64_t first_element = 0);
// 1 with probability p, else 0.
void fill_bernoulli(Tensor& x, const RandomKey& key, float p, uint64_t first_element = 0);

// y = x · mask / keep, mask ~ Bernoulli(keep). The mask is never stored: the derivative draws it again,
// so dropout is its own gradient.
Tensor dropout(const Tensor& x, float keep, const RandomKey& key, uint64_t first_element = 0);

}  // namespace ebm
