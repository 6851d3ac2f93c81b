#include "models/generator.h"

#include "autograd/ops.h"

namespace ebm {

Generator::Generator(const GeneratorConfig& config, Device device, uint64_t seed) : config_(config) {
  Shape map{1, 1, 1, config.latent};
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const GeneratorLayer& layer = config.layers[i];
    const Shape weight{map[3], layer.kernel, layer.kernel, layer.channels};
    parameters_.add_weight(layer_name(i) + ".weight", weight, map[3] * layer.kernel * layer.kernel, config.init);
    // the shift of the normalisation takes the place of the bias
    parameters_.add_zeros(layer_name(i) + (layer.batch_norm ? ".beta" : ".bias"), {layer.channels});
    map = conv_transpose2d_shape(map, weight, {layer.stride, layer.pad});
  }
  image_ = {map[1], map[2], map[3]};
  parameters_.allocate(device, seed, 1);
}

Var Generator::operator()(const Var& z) const {
  Var h = reshape(z, {z.shape()[0], 1, 1, config_.latent});  // (N, 1, 1, d)
  for (size_t i = 0; i < config_.layers.size(); ++i) {
    const GeneratorLayer& layer = config_.layers[i];
    const Var& weight = parameters_[layer_name(i) + ".weight"];
    const Var& shift = parameters_[layer_name(i) + (layer.batch_norm ? ".beta" : ".bias")];
    h = conv_transpose2d(h, weight, layer.batch_norm ? Var() : shift, {layer.stride, layer.pad});  // (N, H_i, W_i, C_i)
    if (layer.batch_norm) h = batch_norm(h, Var(), shift);
    h = i + 1 < config_.layers.size() ? leaky_relu(h, config_.negative_slope) : tanh(h);
  }
  return h;  // (N, H, W, C)
}

}  // namespace ebm
