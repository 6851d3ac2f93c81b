// The generator g_α(z): latent vector to image mean in [-1, 1] by tanh.
#pragma once

#include "models/config.h"
#include "models/parameters.h"

namespace ebm {

class Generator {
 public:
  Generator(const GeneratorConfig& config, Device device, uint64_t seed);

  // z (N,d) -> (N,H,W,C). Batch normalisation takes the statistics of this batch, so a sample depends a
  // little on the others drawn with it.
  Var operator()(const Var& z) const;

  ImageShape image() const { return image_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  GeneratorConfig config_;
  Parameters parameters_;
  ImageShape image_;
};

}  // namespace ebm
