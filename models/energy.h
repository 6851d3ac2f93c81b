// The energy network. U_θ(x) = ‖x‖²/(2σ_ref²) − f_θ(x): low U, high f = plausible. This class is f_θ; the
// reference term is closed form and lives in the Langevin update (kernels/chain/langevin.h).
// f_θ(x, c) with a condition c takes both together in its first convolution: of concat(x, c) it is the sum of one of x and one
// of c, and the latter is a map of biases for the former, which chains compute once.
#pragma once

#include <cstdint>

#include "kernels/to_bf16.h"
#include "models/sequence.h"

namespace ebm {

// A convolution with its leaky ReLU: weight (K,R,S,C) and bias (K), or (N,P,Q,K) of the first under a condition.
struct ConvParameters {
  Var weight, bias;
  ConvGeometry geometry;
  float negative_slope;
};

class EnergyNet {
 public:
  // The layers are convolutions, each with its leaky ReLU, and the head: one that covers the whole map. f is the sum
  // of the head's outputs. Throws Error for others.
  EnergyNet(const NetworkConfig& config, Device device, uint64_t seed);

  // f_θ: x (N,H,W,C) -> (N)
  Var operator()(const Var& x) const;
  // f_θ under conditions c (N,H,W,condition), whose part is biases(c), (N,P,Q,K): one computation for all x that share them.
  Var biases(const Var& c) const;
  Var given(const Var& x, const Var& biases) const;

  // f_θ and ∂f/∂x for a Langevin chain, with the parameters as they are now. f is the sum of the head's
  // outputs, so one output with summed weights computes it; here that sum is done once, not in every step, and so is
  // the rounding of the layers' weights where the maps are bf16.
  class Frozen {
   public:
    // How the maps between the layers and their gradients are stored; f, x and ∂f/∂x are fp32 all the same. Under
    // conditions c (N,H,W,condition) x has as many rows; undefined: the network has none.
    explicit Frozen(const EnergyNet& net, ElementType maps = ElementType::fp32, const Tensor& c = {});
    Var operator()(const Var& x) const;  // (N,H,W,C) -> (N)

    // ∂f/∂x of each image, (N,H,W,C) -> (N,H,W,C), fp32. Computes no f: the head is linear, so the gradient of the
    // map below it is the head's weight, whatever the image.
    Tensor gradient(const Tensor& x) const { return to_fp32(gradient(x, 0)); }
    // The same in two parts, for a chain that does the first layer's gradient itself: h and ∂f/∂h (N,P,Q,K), stored
    // as the maps are. x may be bf16 already where they are.
    Tensor first(const Tensor& x) const;
    Tensor gradient_after_first(const Tensor& h) const { return gradient(h, 1); }
    const ConvParameters& first_layer() const { return net_.convs_.front(); }  // fp32, of x alone

   private:
    Tensor gradient(const Tensor& input, size_t first) const;  // ∂f/∂input, the input of layer `first`

    Tensor as_map(const Tensor& x) const { return maps_ == ElementType::bf16 ? to_bf16(x) : x; }

    const EnergyNet& net_;
    ElementType maps_;
    std::vector<ConvParameters> convs_;  // weights stored as the maps are
    Var head_weight_, head_bias_;
  };

  const NetworkConfig& config() const { return layers_.config(); }
  ImageShape image() const { return image_of(config().input); }
  Parameters& parameters() { return layers_.parameters(); }
  const Parameters& parameters() const { return layers_.parameters(); }

 private:
  Var head_weight() const;  // (1, features), summed over the outputs
  Var head_bias() const;    // (1)
  // The map below the head from the input of layer `first`.
  static Var layers_from(const std::vector<ConvParameters>& convs, size_t first, const Var& input);
  static Var head(const Var& h, const Var& weight, const Var& bias);

  Sequence layers_;
  std::vector<ConvParameters> convs_;
};

}  // namespace ebm
