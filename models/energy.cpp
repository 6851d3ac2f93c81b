#include "models/energy.h"

#include "autograd/ops.h"

namespace ebm {

EnergyNet::EnergyNet(const EnergyConfig& config, Device device, uint64_t seed) : config_(config) {
  Shape map{1, config.image.height, config.image.width, config.image.channels};
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const ConvLayer& layer = config.layers[i];
    const Shape weight{layer.channels, layer.kernel, layer.kernel, map[3]};
    parameters_.add_weight(layer_name(i) + ".weight", weight, weight.size() / layer.channels, config.init);
    parameters_.add_zeros(layer_name(i) + ".bias", {layer.channels});
    map = conv2d_shape(map, weight, {layer.stride, layer.pad});
  }
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

Var EnergyNet::forward(const Var& x, const Var& head_weight, const Var& head_bias) const {
  const int64_t n = x.shape()[0];
  Var h = x;  // (N, H, W, C)
  for (const Conv& conv : convs_) h = conv2d(h, conv.weight, conv.bias, conv.geometry, config_.negative_slope);
  h = reshape(h, {n, features_});                               // (N, features)
  return reshape(linear(h, head_weight, head_bias), {n});       // (N)
}

Var EnergyNet::operator()(const Var& x) const { return forward(x, head_weight(), head_bias()); }

// Var(tensor) makes leaves: a tape that is alive does not lead back into the parameters.
EnergyNet::Frozen::Frozen(const EnergyNet& net)
    : net_(net), head_weight_(net.head_weight().value()), head_bias_(net.head_bias().value()) {}

Var EnergyNet::Frozen::operator()(const Var& x) const { return net_.forward(x, head_weight_, head_bias_); }

}  // namespace ebm
