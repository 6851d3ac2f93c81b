// The energy network. U_θ(x) = ‖x‖²/(2σ_ref²) − f_θ(x): low U, high f = plausible. This class is f_θ; the
// reference term is closed form and lives in the Langevin update (kernels/langevin.h).
#pragma once

#include <cstdint>

#include "models/config.h"
#include "models/parameters.h"

namespace ebm {

// A layer's weight (K,R,S,C) and bias (K).
struct ConvParameters {
  Var weight, bias;
  ConvGeometry geometry;
};

class EnergyNet {
 public:
  EnergyNet(const EnergyConfig& config, Device device, uint64_t seed);

  // f_θ: x (N,H,W,C) -> (N)
  Var operator()(const Var& x) const;

  // f_θ and ∂f/∂x for a Langevin chain, with the parameters as they are now. f is the sum of the head's
  // outputs, so one output with summed weights computes it; here that sum is done once, not in every step.
  class Frozen {
   public:
    explicit Frozen(const EnergyNet& net);
    Var operator()(const Var& x) const;  // (N,H,W,C) -> (N)

    // ∂f/∂x of each image, (N,H,W,C) -> (N,H,W,C). Computes no f: the head is linear, so the gradient of the
    // map below it is the head's weight, whatever the image.
    Tensor gradient(const Tensor& x) const { return gradient(x, 0); }
    // The same in two parts, for a chain that does the first layer's gradient itself: h and ∂f/∂h (N,P,Q,K).
    Tensor first(const Tensor& x) const;
    Tensor gradient_after_first(const Tensor& h) const { return gradient(h, 1); }
    const ConvParameters& first_layer() const { return net_.convs_.front(); }
    float negative_slope() const { return net_.config_.negative_slope; }

   private:
    Tensor gradient(const Tensor& input, size_t first) const;  // ∂f/∂input, the input of layer `first`

    const EnergyNet& net_;
    Var head_weight_, head_bias_;
  };

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  Var head_weight() const;  // (1, features), summed over the outputs
  Var head_bias() const;    // (1)
  Var layer(size_t i, const Var& h) const;
  Var layers_from(size_t first, const Var& input) const;  // the map below the head
  Var head(const Var& h, const Var& weight, const Var& bias) const;

  EnergyConfig config_;
  Parameters parameters_;
  std::vector<ConvParameters> convs_;
  int64_t features_ = 0;  // H·W·C of the map below the head
};

}  // namespace ebm
