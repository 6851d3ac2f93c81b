// The energy network. U_θ(x) = ‖x‖²/(2σ_ref²) − f_θ(x): low U, high f = plausible. This class is f_θ; the
// reference term is closed form and lives in the Langevin update (kernels/langevin.h).
#pragma once

#include <cstdint>

#include "models/config.h"
#include "models/parameters.h"

namespace ebm {

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

   private:
    const EnergyNet& net_;
    Var head_weight_, head_bias_;
  };

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Conv {
    Var weight, bias;
    ConvGeometry geometry;
  };
  Var head_weight() const;  // (1, features), summed over the outputs
  Var head_bias() const;    // (1)
  Var forward(const Var& x, const Var& head_weight, const Var& head_bias) const;

  EnergyConfig config_;
  Parameters parameters_;
  std::vector<Conv> convs_;
  int64_t features_ = 0;  // H·W·C of the map below the head
};

}  // namespace ebm
