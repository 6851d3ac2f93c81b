#include "tools/evaluate/classifier.h"

#include "autograd/ops.h"
#include "core/check.h"
#include "tools/evaluate/pixels.h"

namespace ebm {

Classifier::Classifier(const ClassifierConfig& config, Device device, uint64_t seed) : config_(config) {
  const Shape map = parameters_.add_convs(config.image, config.layers, WeightInit::kaiming_uniform);
  parameters_.add_weight("features.weight", {config.features, map.size()}, map.size(), WeightInit::kaiming_uniform);
  parameters_.add_zeros("features.bias", {config.features});
  parameters_.add_weight("head.weight", {config.classes, config.features}, config.features,
                         WeightInit::kaiming_uniform);
  parameters_.add_zeros("head.bias", {config.classes});
  parameters_.allocate(device, seed, 3);  // 0 to 2 are the model's own networks
}

Classifier::Output Classifier::operator()(const Var& x, const RandomKey* dropout_key) const {
  const auto drop = [&](const Var& h, uint32_t place) {
    if (!dropout_key || config_.dropout_keep >= 1) return h;
    RandomKey key = *dropout_key;
    key.step = place;
    return dropout(h, config_.dropout_keep, key);
  };
  const int64_t n = x.shape()[0];
  Var h = x;  // (N, H, W, C)
  for (size_t i = 0; i < config_.layers.size(); ++i)
    h = convolve(parameters_, i, config_.layers[i], h, config_.negative_slope);  // (N, P_i, Q_i, K_i)
  h = drop(reshape(h, {n, h.value().size() / n}), 0);                            // (N, P·Q·K)
  const Var features = leaky_relu(linear(h, parameters_["features.weight"], parameters_["features.bias"]),
                                  config_.negative_slope);  // (N, F)
  return {features, linear(drop(features, 1), parameters_["head.weight"], parameters_["head.bias"])};
}

FeatureNetwork::Values Classifier::values(std::span<const uint8_t> levels, ImageShape image) const {
  const Shape shape{static_cast<int64_t>(levels.size()) / image.elements(), image.height, image.width, image.channels};
  EBM_CHECK(image == config_.image, "classifier", to_string(shape), "images of the data set it was trained on");
  const Output output = (*this)(Var(Tensor::from_host(from_levels(levels), shape, device())));
  return {output.features.value().to_host(), output.logits.value().to_host()};
}

Var cross_entropy(const Var& logits, const Tensor& one_hot) {
  return mean(sub(logsumexp_rows(logits), sum_rows(mul(logits, Var(one_hot)))));
}

}  // namespace ebm
