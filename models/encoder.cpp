#include "models/encoder.h"

#include <cmath>

#include "autograd/ops.h"
#include "kernels/elementwise.h"

namespace ebm {

Encoder::Encoder(const EncoderConfig& config, Device device, uint64_t seed) : config_(config) {
  const Shape map = parameters_.add_convs(config.image, config.layers, config.init);
  const int64_t features = map.size();
  // Glorot uniform
  const float bound = std::sqrt(6.0f / static_cast<float>(features + config.latent));
  for (const char* name : {"mu", "log_v"}) {
    parameters_.add_uniform(std::string(name) + ".weight", {config.latent, features}, bound);
    parameters_.add_zeros(std::string(name) + ".bias", {config.latent});
  }
  parameters_.allocate(device, seed, 2);
}

Posterior Encoder::operator()(const Var& x, const RandomKey* dropout_key) const {
  const int64_t n = x.shape()[0];
  Var h = x;  // (N, H, W, C)
  for (size_t i = 0; i < config_.layers.size(); ++i) {
    h = convolve(parameters_, i, config_.layers[i], h, config_.negative_slope);  // (N, P_i, Q_i, K_i)
    if (dropout_key && config_.dropout_keep < 1) {
      RandomKey key = *dropout_key;
      key.step = static_cast<uint32_t>(i);
      h = dropout(h, config_.dropout_keep, key);
    }
  }
  h = reshape(h, {n, h.value().size() / n});                                   // (N, features)
  return {linear(h, parameters_["mu.weight"], parameters_["mu.bias"]),         // (N, d)
          linear(h, parameters_["log_v.weight"], parameters_["log_v.bias"])};  // (N, d)
}

Var reparameterise(const Posterior& posterior, const Tensor& e) {
  const Var s = exp(scale(posterior.log_v, 0.5f));  // (N, d), standard deviation
  return add(posterior.mu, mul(s, Var(e)));
}

Var kl_to_standard_normal(const Posterior& posterior) {
  const Var terms = sub(add(square(posterior.mu), exp(posterior.log_v)), posterior.log_v);  // (N, d)
  const float d = static_cast<float>(posterior.mu.shape()[1]);
  const Tensor minus_half_d = full({posterior.mu.shape()[0]}, -0.5f * d, posterior.mu.value().device());
  return add(scale(sum_rows(terms), 0.5f), Var(minus_half_d));  // (N)
}

}  // namespace ebm
