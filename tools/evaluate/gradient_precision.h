// How far ∂f/∂x is from the truth in each arithmetic (core/precision.h), and what that is beside the noise
// of a Langevin step.
#pragma once

#include <vector>

#include "core/precision.h"
#include "models/energy.h"

namespace ebm {

// ∂f/∂x of f_θ computed by its definition in double from its fp32 parameters: x (N,H,W,C), the result in its
// order. Plain loops: meant for a few images.
std::vector<double> reference_gradient(const EnergyNet& energy, const Tensor& x);

struct GradientError {
  double relative = 0;  // ‖g − reference‖ / ‖reference‖ over all images
  double worst = 0;     // the same of the worst image
  double along = 0;  // ⟨g − reference, reference⟩ / ‖reference‖²: what makes the gradient longer or shorter
  double rms = 0;    // root mean square of g − reference over all elements
};

// Of any gradient g (N,H,W,C) given as a list.
GradientError gradient_error(const std::vector<double>& g, const std::vector<double>& reference, int64_t images);

// Of a chain's ∂f/∂x in this precision, on the device of x.
GradientError gradient_error(const EnergyNet& energy, const Tensor& x, const std::vector<double>& reference,
                             Precision precision);

}  // namespace ebm
