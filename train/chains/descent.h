// Gradient descent on a potential, each row with a step of its own that never lets U rise.
#pragma once

#include "train/chains/potential.h"

namespace ebm {

// x (N, …) in place: `steps` tries of x − η·∂U/∂x. A row whose U falls takes it and tries a fifth more next; another stays
// where it is and tries half as much. Waits for the device in each try.
void descend(const Potential& u, Tensor& x, int64_t steps, double first_step);

}  // namespace ebm
