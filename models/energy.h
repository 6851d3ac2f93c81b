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

  // f_θ for a Langevin chain, with the parameters as they are now. f is the sum of the head's outputs, so
  // one output with summed weights computes it; here that sum is done once, not in every step.
  class Frozen {
   public:
    explicit Frozen(const EnergyNet& net);
    Var operator()(const Var& x) const;  // (N,H,W,C) -> (N)

    // The same in two parts, for a chain that does the first layer's gradient itself: h = first(x), rest(h) = f.
    Var first(const Var& x) const;  // (N,H,W,C) -> (N,P,Q,K)
    Var rest(const Var& h) const;   // (N,P,Q,K) -> (N)
    const ConvParameters& first_layer() const { return net_.convs_.front(); }
    float negative_slope() const { return net_.config_.negative_slope; }

   private:
    const EnergyNet& net_;
    Var head_weight_, head_bias_;
  };

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  Var head_weight() const;  // (1, features), summed over the outputs
  Var head_bias() const;    // (1)
  Var layer(size_t i, const Var& h) const;
  // Layers `first` to the last and the head.
  Var forward(const Var& input, size_t first, const Var& head_weight, const Var& head_bias) const;

  EnergyConfig config_;
  Parameters parameters_;
  std::vector<ConvParameters> convs_;
  int64_t features_ = 0;  // H·W·C of the map below the head
};

}  // namespace ebm
