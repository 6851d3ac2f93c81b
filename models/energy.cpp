#include "models/energy.h"

#include "autograd/ops.h"
#include "core/check.h"

namespace ebm {
namespace {

constexpr char kCondition[] = "condition.weight";

}  // namespace

EnergyNet::EnergyNet(const NetworkConfig& config, Device device, uint64_t seed) : layers_(config) {
  if (config.condition > 0) {
    const Shape& of_x = layers_.places().front().weight;  // (K,R,S,C)
    const Shape weight{of_x[0], of_x[1], of_x[2], config.condition};
    parameters().add_weight(kCondition, weight, weight.size() / weight[0], config.init);
  }
  layers_.allocate(device, seed);
  constexpr const char* kExpected = "convolutions, each followed by a leaky ReLU, and one that covers the map";
  const size_t head = config.layers.size() - 1;
  EBM_CHECK(head % 2 == 0 && layers_.output() == (Shape{1, 1, 1, layers_.output()[3]}), "energy network",
            "layers that make " + to_string(layers_.output()), kExpected);
  for (size_t i = 0; i <= head; i += 2) {
    const bool leaky = i == head || std::holds_alternative<LeakyRelu>(config.layers[i + 1]);
    EBM_CHECK(std::holds_alternative<Conv>(config.layers[i]) && leaky, "energy network",
              "another layer at place " + std::to_string(i + 1), kExpected);
    const PlacedLayer& at = layers_.places()[i];
    if (i < head) convs_.push_back({layers_.weight(i), layers_.bias(i), at.geometry, at.slope});
  }
}

Var EnergyNet::head_weight() const {
  const Var& outputs = layers_.weight(config().layers.size() - 1);  // (outputs,P,Q,K)
  return reshape(sum_first(outputs), {1, outputs.value().size() / outputs.shape()[0]});
}

Var EnergyNet::head_bias() const { return sum(layers_.bias(config().layers.size() - 1)); }

Var EnergyNet::layers_from(const std::vector<ConvParameters>& convs, size_t first, const Var& input) {
  Var h = input;  // (N, H, W, C)
  for (size_t i = first; i < convs.size(); ++i)
    h = conv2d(h, convs[i].weight, convs[i].bias, convs[i].geometry, convs[i].negative_slope);
  return h;
}

Var EnergyNet::head(const Var& h, const Var& weight, const Var& bias) {
  const int64_t n = h.shape()[0];
  return reshape(linear(reshape(h, {n, weight.shape()[1]}), weight, bias), {n});  // (N)
}

Var EnergyNet::operator()(const Var& x) const { return head(layers_from(convs_, 0, x), head_weight(), head_bias()); }

Var EnergyNet::biases(const Var& c) const {
  const ConvParameters& first = convs_.front();
  return conv2d(c, parameters()[kCondition], first.bias, first.geometry);
}

Var EnergyNet::given(const Var& x, const Var& biases) const {
  const ConvParameters& first = convs_.front();
  const Var h = conv2d(x, first.weight, biases, first.geometry, first.negative_slope);  // (N,P,Q,K)
  return head(layers_from(convs_, 1, h), head_weight(), head_bias());
}

// Var(tensor) makes leaves: a tape that is alive does not lead back into the parameters.
EnergyNet::Frozen::Frozen(const EnergyNet& net, ElementType maps, const Tensor& c)
    : net_(net), maps_(maps), head_weight_(net.head_weight().value()), head_bias_(net.head_bias().value()) {
  for (const ConvParameters& conv : net.convs_)
    convs_.push_back({Var(as_map(conv.weight.value())), Var(conv.bias.value()), conv.geometry, conv.negative_slope});
  if (c.defined()) convs_.front().bias = Var(net.biases(Var(c)).value());
}

Var EnergyNet::Frozen::operator()(const Var& x) const {
  EBM_CHECK(maps_ == ElementType::fp32, "energy", "bf16 maps", "fp32 ones: U is reported in them alone");
  return head(layers_from(convs_, 0, x), head_weight_, head_bias_);
}

Tensor EnergyNet::Frozen::first(const Tensor& x) const {
  const ConvParameters& conv = convs_.front();
  return conv2d(as_map(x), conv.weight.value(), conv.bias.value(), conv.geometry, conv.negative_slope);
}

Tensor EnergyNet::Frozen::gradient(const Tensor& input, size_t first) const {
  Tape tape;
  const Var x(as_map(input));                   // (N, H, W, C)
  const Var h = layers_from(convs_, first, x);  // (N, P, Q, K)
  const Shape& map = h.shape();
  const Tensor df_dh = head_weight_.value().reshaped({1, map[1], map[2], map[3]});  // of any image
  return tape.gradient(h, df_dh, {x})[0];                                           // (N, H, W, C)
}

}  // namespace ebm
