// The generator of a conditional model, x = g_α(c, z): a U-Net, whose maps on the way down are joined to those on the way up,
// with z joined to the innermost one (Isola et al. 2017; docs/method.md).
#pragma once

#include <vector>

#include "core/image_shape.h"
#include "models/parameters.h"

namespace ebm {

struct UNetConfig {
  uint32_t number = 1;     // of its initial values, as in NetworkConfig
  ImageShape image;        // x; any size from 2 on
  int64_t condition = 0;   // channels of c
  int64_t width = 32;      // channels of the first level; each next one has twice as many,
  int64_t most_width = 8;  // up to so many times width
  int64_t latent = 8;      // d; 0: no z
  WeightInit init = WeightInit::normal_002;
};

class UNet {
 public:
  UNet(const UNetConfig& config, Device device, uint64_t seed);

  // c (N,H,W,condition), z (N,d), not looked at where d is 0 -> (N,H,W,C) in [-1, 1] by tanh. Images know nothing of each
  // other.
  Var operator()(const Var& c, const Var& z) const { return up(down(c), z); }
  // The two ways by themselves: what is learned of c serves for every z that is drawn with it.
  using Maps = std::vector<Var>;  // below each level: (N, H/2, W/2, width) to (N, 1, 1, …)
  Maps down(const Var& c) const;
  Var up(const Maps& maps, const Var& z) const;

  const UNetConfig& unet() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Level {
    ConvGeometry geometry;        // from the map above to the one below, and back
    int64_t above, below;         // their channels
    int64_t height, width;        // of the map below
    size_t down_entry, up_entry;  // places of the first parameter of each way
    bool norm;                    // after the way down
  };

  UNetConfig config_;
  std::vector<Level> levels_;  // from the image to a map of one pixel
  Parameters parameters_;
};

}  // namespace ebm
