#include "models/energy.h"

#include "autograd/ops.h"
#include "core/check.h"

namespace ebm {

EnergyNet::EnergyNet(const EnergyConfig& config, Device device, uint64_t seed) : config_(config) {
  const Shape map = parameters_.add_convs(config.image, config.layers, config.init);
  features_ = map.size();
  parameters_.add_weight("head.weight", {config.outputs, map[1], map[2], map[3]}, features_, config.init);
  parameters_.add_zeros("head.bias", {config.outputs});
  parameters_.allocate(device, seed, 0);

  for (size_t i = 0; i < config.layers.size(); ++i) {
    convs_.push_back({parameters_[layer_name(i) + ".weight"],
                      parameters_[layer_name(i) + ".bias"],
                      {config.layers[i].stride, config.layers[i].pad}});
  }
}

Var EnergyNet::head_weight() const { return reshape(sum_first(parameters_["head.weight"]), {1, features_}); }

Var EnergyNet::head_bias() const { return sum(parameters_["head.bias"]); }

Var EnergyNet::layers_from(const std::vector<ConvParameters>& convs, size_t first, const Var& input) const {
  Var h = input;  // (N, H, W, C)
  for (size_t i = first; i < convs.size(); ++i)
    h = conv2d(h, convs[i].weight, convs[i].bias, convs[i].geometry, config_.negative_slope);
  return h;
}

Var EnergyNet::head(const Var& h, const Var& weight, const Var& bias) const {
  const int64_t n = h.shape()[0];
  return reshape(linear(reshape(h, {n, features_}), weight, bias), {n});  // (N)
}

Var EnergyNet::operator()(const Var& x) const { return head(layers_from(convs_, 0, x), head_weight(), head_bias()); }

// Var(tensor) makes leaves: a tape that is alive does not lead back into the parameters.
EnergyNet::Frozen::Frozen(const EnergyNet& net, ElementType maps)
    : net_(net), maps_(maps), head_weight_(net.head_weight().value()), head_bias_(net.head_bias().value()) {
  for (const ConvParameters& conv : net.convs_)
    convs_.push_back({Var(as_map(conv.weight.value())), Var(conv.bias.value()), conv.geometry});
}

Var EnergyNet::Frozen::operator()(const Var& x) const {
  EBM_CHECK(maps_ == ElementType::fp32, "energy", "bf16 maps", "fp32 ones: U is reported in them alone");
  return net_.head(net_.layers_from(convs_, 0, x), head_weight_, head_bias_);
}

Tensor EnergyNet::Frozen::first(const Tensor& x) const {
  const ConvParameters& conv = convs_.front();
  return conv2d(as_map(x), conv.weight.value(), conv.bias.value(), conv.geometry, negative_slope());
}

Tensor EnergyNet::Frozen::gradient(const Tensor& input, size_t first) const {
  Tape tape;
  const Var x(as_map(input));                        // (N, H, W, C)
  const Var h = net_.layers_from(convs_, first, x);  // (N, P, Q, K)
  const Shape& map = h.shape();
  const Tensor df_dh = head_weight_.value().reshaped({1, map[1], map[2], map[3]});  // of any image
  return tape.gradient(h, df_dh, {x})[0];                                           // (N, H, W, C)
}

}  // namespace ebm
