// What a prior over two latent numbers looks like.
#pragma once

#include "train/chains/potential.h"
#include "train/files/image_grid.h"

namespace ebm {

// The plane of z in [-kLatentRange, kLatentRange]², z_1 to the right and z_2 upwards: the lighter, the higher exp(−U/2),
// of a potential of z (N, 2).
inline constexpr double kLatentRange = 4;
Picture latent_plane(const Potential& u, Device device);

// The same with a dot for each of the samples (N, 2). Throws Error for z of other sizes.
Picture with_dots(Picture plane, const Tensor& samples);

}  // namespace ebm
