// The generator g_α(z): latent vector to image mean in [-1, 1] by tanh.
#pragma once

#include "autograd/ops.h"
#include "models/sequence.h"

namespace ebm {

class Generator {
 public:
  // The layers make an image of (1,1,1,d).
  Generator(const NetworkConfig& config, Device device, uint64_t seed) : layers_(config, device, seed) {}

  // z (N,d) -> (N,H,W,C). Batch normalisation takes the statistics of this batch, so a sample depends a
  // little on the others drawn with it.
  Var operator()(const Var& z) const { return layers_(as_map(z)); }

  // What its last tanh is given: z (N,d) -> (N,H,W,C).
  Var before_tanh(const Var& z) const { return layers_.apply(0, layers_.places().size() - 1, as_map(z)); }

  ImageShape image() const { return image_of(layers_.output()); }
  const NetworkConfig& config() const { return layers_.config(); }
  Parameters& parameters() { return layers_.parameters(); }
  const Parameters& parameters() const { return layers_.parameters(); }

 private:
  static Var as_map(const Var& z) { return reshape(z, {z.shape()[0], 1, 1, z.shape()[1]}); }  // (N,1,1,d)

  Sequence layers_;
};

}  // namespace ebm
