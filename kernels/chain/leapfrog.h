// The elementwise parts of Hamiltonian Monte Carlo (tools/evaluate/hmc.h) that no other op covers.
#pragma once

#include "core/tensor.h"

namespace ebm {

// In place: x += step·p. bound > 0: the walls at ±bound reflect x, and each reflection turns the sign of p.
// That map keeps volume and is undone by the reversed momentum, as the step without walls.
void leapfrog_position(Tensor& x, Tensor& p, float step, float bound);

// In place: the rows of x (N,…) where choose (N) is not 0 become those of y.
void replace_rows(Tensor& x, const Tensor& y, const Tensor& choose);

}  // namespace ebm
