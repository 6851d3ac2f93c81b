// A normalising flow x = g_α(z), z ~ N(0, I): Glow (Kingma and Dhariwal 2018) for images, and for points the same steps without
// squeezing, with 1×1 convolutions, which are dense layers. q_α(x) = N(z; 0, I)·|det ∂z/∂x| exactly.
#pragma once

#include <optional>
#include <vector>

#include "core/image_shape.h"
#include "models/flow/channel_mix.h"
#include "models/flow/coupling.h"
#include "models/flow/split.h"

namespace ebm {

struct FlowConfig {
  uint32_t number = 1;         // of its initial values, as in NetworkConfig
  ImageShape image;            // x; points of C numbers are images of 1×1×C
  std::vector<int64_t> steps;  // of each level: actnorm, 1×1 convolution, coupling
  bool squeeze = true;         // 2×2 pixels become channels at the start of each level
  int64_t width = 64;          // channels within a coupling's network
  int64_t kernel = 3;          // of its first and last convolution, and of the splits' priors
};

class Flow {
 public:
  // Throws Error where the image cannot be halved so often.
  Flow(const FlowConfig& config, Device device, uint64_t seed);

  // z: (N,D), D = H·W·C, all noise there is: that of the first split first, the last level's at the end.
  struct Encoded {
    Var z;
    LogDet log_det;
  };
  Encoded encode(const Var& x) const;  // x (N,H,W,C)
  // log q_α(x), (N)
  Var log_density(const Var& x) const;

  // Sets the activation normalisations by a batch of data, each by what the layers before it make of the batch: at the start of
  // training.
  void initialise(const Tensor& x);

  // The inverse with the parameters as they are now, for chains: the weights are computed once, those of an inverse in double.
  class Frozen {
   public:
    explicit Frozen(const Flow& flow);
    // Takes the parameters as they are now, in the same memory, where a recorded graph reads them.
    void update();
    Var decode(const Var& z) const;  // (N,D) -> x (N,H,W,C)

   private:
    struct Step {
      ConvWeights inverse_mix;
      Coupling::Weights coupling;
    };
    const Flow& flow_;
    std::vector<std::vector<Step>> steps_;  // of each level
    std::vector<ConvWeights> splits_;       // of each level but the last
  };

  int64_t dimension() const { return config_.image.elements(); }
  const FlowConfig& flow() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Step {
    ChannelMix mix;
    Coupling coupling;
  };
  struct Level {
    ImageShape map;  // of its steps
    std::vector<Step> steps;
    std::optional<Split> split;  // none of the last
  };

  FlowConfig config_;
  Parameters parameters_;
  std::vector<Level> levels_;
};

// log N(z; 0, I) of each row of z (N,D): (N)
Var log_standard_normal(const Var& z);

}  // namespace ebm
