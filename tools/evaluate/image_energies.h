// U of many images, in batches.
#pragma once

#include <span>
#include <vector>

#include "train/trainer.h"

namespace ebm {

// U_θ of each of the images (N, H, W, C), as Trainer::energy gives it. Throws Error where one is not finite.
std::vector<float> image_energies(Trainer& trainer, std::span<const float> images);

}  // namespace ebm
