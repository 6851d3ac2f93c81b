// U and other numbers of many images, in batches.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "train/trainer.h"

namespace ebm {

// A number that `value` has for each of the images (N, H, W, C): x (n, H, W, C) -> (n). Throws Error where one is not finite.
std::vector<float> image_values(ImageShape shape, Device device, std::span<const float> images,
                                const std::function<Tensor(const Tensor& x)>& value);

// Images of data (N, H, W, C) as U is of them: of a model that asks for it with the noise of a grey level
// (Abilities::dequantised), the same each time.
std::vector<float> as_modelled(const Trainer& trainer, std::span<const float> images);

// U_θ of each of such images, as Trainer::energy gives it.
std::vector<float> image_energies(Trainer& trainer, std::span<const float> images);

}  // namespace ebm
