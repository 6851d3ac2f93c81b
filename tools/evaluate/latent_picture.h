// What a prior over two latent numbers looks like.
#pragma once

#include <vector>

#include "train/chains/potential.h"
#include "train/files/image_grid.h"

namespace ebm {

// The plane of z in [-range, range]², z_1 to the right and z_2 upwards: the lighter, the higher exp(−U/2), of a potential
// of z (N, 2).
struct LatentPlane {
  double range;
  Picture picture;
};
LatentPlane latent_plane(const Potential& u, double range, Device device);

// A range that holds N(0, I) and all of the samples (N, 2).
double latent_range(const std::vector<Tensor>& samples);

// The same with a dot for each of the samples (N, 2). Throws Error for z of other sizes.
Picture with_dots(const LatentPlane& plane, const Tensor& samples);

}  // namespace ebm
