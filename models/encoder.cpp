#include "models/encoder.h"

#include <cmath>

#include "autograd/ops.h"
#include "kernels/elementwise.h"

namespace ebm {

Encoder::Encoder(const NetworkConfig& config, int64_t latent, Device device, uint64_t seed) : layers_(config) {
  const int64_t features = layers_.output().size();
  const float bound = std::sqrt(6.0f / static_cast<float>(features + latent));  // Glorot's
  for (const std::string name : {"mu", "log_v"}) {
    parameters().add_uniform(name + ".weight", {latent, features}, bound);
    parameters().add_zeros(name + ".bias", {latent});
  }
  layers_.allocate(device, seed);
}

Posterior Encoder::operator()(const Var& x, const RandomKey* dropout_key, int64_t first_row) const {
  const Parameters& p = parameters();
  const Var h = layers_(x, dropout_key, first_row);        // (N, features)
  return {linear(h, p["mu.weight"], p["mu.bias"]),         // (N, d)
          linear(h, p["log_v.weight"], p["log_v.bias"])};  // (N, d)
}

Var reparameterise(const Posterior& posterior, const Tensor& e) {
  const Var s = exp(scale(posterior.log_v, 0.5f));  // (N, d), standard deviation
  return add(posterior.mu, mul(s, Var(e)));
}

Var negative_log_density(const Posterior& posterior, const Tensor& z) {
  const Var away = square(sub(Var(z), posterior.mu));                                     // (N, d)
  const Var terms = add(mul(away, exp(scale(posterior.log_v, -1.0f))), posterior.log_v);  // (N, d)
  return scale(sum_rows(terms), 0.5f);                                                    // (N)
}

Var kl_to_standard_normal(const Posterior& posterior) {
  const Var terms = sub(add(square(posterior.mu), exp(posterior.log_v)), posterior.log_v);  // (N, d)
  const float d = static_cast<float>(posterior.mu.shape()[1]);
  const Tensor minus_half_d = full({posterior.mu.shape()[0]}, -0.5f * d, posterior.mu.value().device());
  return add(scale(sum_rows(terms), 0.5f), Var(minus_half_d));  // (N)
}

}  // namespace ebm
