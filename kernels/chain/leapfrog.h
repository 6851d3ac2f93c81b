// The elementwise parts of Hamiltonian Monte Carlo (tools/evaluate/hmc.h) that no other op covers.
#pragma once

#include "core/scalar.h"
#include "core/tensor.h"

namespace ebm {

// In place: x += step·p. bound > 0: the walls at ±bound reflect x, and each reflection turns the sign of p.
// That map keeps volume and is undone by the reversed momentum, as the step without walls.
void leapfrog_position(Tensor& x, Tensor& p, Scalar step, float bound);
// In place: p −= factor · step · gradient.
void leapfrog_kick(Tensor& p, const Tensor& gradient, Scalar step, float factor);

// In place: step (1) grows by the factor 1 + rate where the mean acceptance (1) is at least `target`, else shrinks by it.
void adapt_step(Tensor& step, const Tensor& mean_acceptance, float target, float rate);

// In place: the rows of x (N,…) where choose (N) is not 0 become those of y.
void replace_rows(Tensor& x, const Tensor& y, const Tensor& choose);

}  // namespace ebm
