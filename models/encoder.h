// The inference network π_β(z|x) = N(μ_β(x), diag v_β(x)).
#pragma once

#include "models/sequence.h"

namespace ebm {

struct Posterior {
  Var mu;     // (N, d)
  Var log_v;  // (N, d), log of the variance
};

class Encoder {
 public:
  // The layers end in (N,F); two dense layers, Glorot uniform, make mu and log_v (N, latent) of that.
  Encoder(const NetworkConfig& config, int64_t latent, Device device, uint64_t seed);

  // x (N,H,W,C). Dropout masks are drawn from dropout_key; without a key there is none.
  Posterior operator()(const Var& x, const RandomKey* dropout_key = nullptr, int64_t first_row = 0) const;

  const NetworkConfig& config() const { return layers_.config(); }  // without the two dense layers
  Parameters& parameters() { return layers_.parameters(); }
  const Parameters& parameters() const { return layers_.parameters(); }

 private:
  Sequence layers_;
};

// z = μ + sqrt(v)·e, e ~ N(0, I) given: (N, d).
Var reparameterise(const Posterior& posterior, const Tensor& e);
// KL( N(μ, v) ‖ N(0, I) ) = ½ Σ_j ( μ_j² + v_j − log v_j − 1 ) for each image: (N).
Var kl_to_standard_normal(const Posterior& posterior);
// −log π(z|x) of each row of z (N, d), without its constant (d/2)·log 2π: (N)
Var negative_log_density(const Posterior& posterior, const Tensor& z);

}  // namespace ebm
