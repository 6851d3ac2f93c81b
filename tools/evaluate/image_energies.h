// U of many images, in batches.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "train/trainer.h"

namespace ebm {

// U_θ of each of the images (N, H, W, C), as Trainer::energy gives it, of a model that asks for it with the noise of a grey level
// (Abilities::dequantised). Throws Error where one is not finite.
std::vector<float> image_energies(Trainer& trainer, std::span<const float> images);
// The same of another number that a model has for each image: x (n, H, W, C) -> (n).
std::vector<float> image_values(Trainer& trainer, std::span<const float> images,
                                const std::function<Tensor(const Tensor& x)>& value);

}  // namespace ebm
