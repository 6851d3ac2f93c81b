#include "models/energy.h"

#include "autograd/ops.h"

namespace ebm {

EnergyNet::EnergyNet(const EnergyConfig& config, Device device, uint64_t seed) : config_(config) {
  const Shape map = parameters_.add_convs(config.image, config.layers, config.init);
  features_ = map.size();
  parameters_.add_weight("head.weight", {config.outputs, map[1], map[2], map[3]}, features_, config.init);
  parameters_.add_zeros("head.bias", {config.outputs});
  parameters_.allocate(device, seed, 0);

  for (size_t i = 0; i < config.layers.size(); ++i) {
    convs_.push_back({parameters_[layer_name(i) + ".weight"], parameters_[layer_name(i) + ".bias"],
                      {config.layers[i].stride, config.layers[i].pad}});
  }
}

Var EnergyNet::head_weight() const { return reshape(sum_first(parameters_["head.weight"]), {1, features_}); }

Var EnergyNet::head_bias() const { return sum(parameters_["head.bias"]); }

Var EnergyNet::layer(size_t i, const Var& h) const {
  return conv2d(h, convs_[i].weight, convs_[i].bias, convs_[i].geometry, config_.negative_slope);
}

Var EnergyNet::forward(const Var& input, size_t first, const Var& head_weight, const Var& head_bias) const {
  const int64_t n = input.shape()[0];
  Var h = input;  // (N, H, W, C)
  for (size_t i = first; i < convs_.size(); ++i) h = layer(i, h);
  h = reshape(h, {n, features_});                               // (N, features)
  return reshape(linear(h, head_weight, head_bias), {n});       // (N)
}

Var EnergyNet::operator()(const Var& x) const { return forward(x, 0, head_weight(), head_bias()); }

// Var(tensor) makes leaves: a tape that is alive does not lead back into the parameters.
EnergyNet::Frozen::Frozen(const EnergyNet& net)
    : net_(net), head_weight_(net.head_weight().value()), head_bias_(net.head_bias().value()) {}

Var EnergyNet::Frozen::operator()(const Var& x) const { return net_.forward(x, 0, head_weight_, head_bias_); }
Var EnergyNet::Frozen::first(const Var& x) const { return net_.layer(0, x); }
Var EnergyNet::Frozen::rest(const Var& h) const { return net_.forward(h, 1, head_weight_, head_bias_); }

}  // namespace ebm
