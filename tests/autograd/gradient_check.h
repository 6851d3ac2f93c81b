// Central differences against the tape, for any op of any number of inputs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/tape.h"

namespace ebm {

struct GradientCase {
  std::string name;
  std::vector<Shape> inputs;
  std::function<Var(const std::vector<Var>&)> op;
  float low = -1.0f, high = 1.0f;  // range of the inputs
};

// The largest |tape − central difference| over all elements of all inputs, relative to the largest
// gradient of that input. The loss is Σ y·c with fixed random c, so that every output counts.
double gradient_error(const GradientCase& c, Device device);

}  // namespace ebm
