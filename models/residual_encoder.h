// The encoder of a conditional model, π_β(z|x,c) = N(μ_β(x,c), diag v_β(x,c)): residual blocks and a dense layer.
#pragma once

#include "core/image_shape.h"
#include "models/encoder.h"

namespace ebm {

struct ResidualEncoderConfig {
  uint32_t number = 2;     // of its initial values, as in NetworkConfig
  ImageShape image;        // x; 4 pixels an edge or more
  int64_t condition = 0;   // channels of c
  int64_t width = 32;      // channels of the first layer; the blocks have 2, 3, 4, 4, 4 times as many
  int64_t features = 256;  // of the dense layer
  int64_t latent = 8;      // d
  WeightInit init = WeightInit::kaiming_uniform;
};

class ResidualEncoder {
 public:
  ResidualEncoder(const ResidualEncoderConfig& config, Device device, uint64_t seed);

  // x (N,H,W,C), c (N,H,W,condition). Images know nothing of each other.
  Posterior operator()(const Var& x, const Var& c) const;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Block {
    int64_t from, to;  // channels
  };

  ResidualEncoderConfig config_;
  std::vector<Block> blocks_;
  Parameters parameters_;
};

}  // namespace ebm
