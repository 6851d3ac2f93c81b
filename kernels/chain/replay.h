// Rows of a replay buffer: images that chains left, to go on from. A row is all that stands under one index of
// the first extent.
#pragma once

#include "core/random.h"
#include "core/scalar.h"
#include "core/tensor.h"

namespace ebm {

// Rows first, first + 1, … of buffer (M,…), round its end, as (n,…); first is a whole number in [0, M).
Tensor take_rows(const Tensor& buffer, Scalar first, int64_t n);
// Puts the rows of x (n,…) back there, n ≤ M.
void put_rows(Tensor& buffer, Scalar first, const Tensor& x);

// Each row of x (n,…) is replaced with probability p by values uniform in [-1, 1). Elements of a row are drawn
// from `key`, whether it is replaced from `choice`, as rows first_row, first_row + 1, … of a whole.
void restart_rows(Tensor& x, float p, const RandomKey& choice, const RandomKey& key, int64_t first_row = 0);

}  // namespace ebm
