#include "kernels/optimizer.h"

#include <cmath>

#include "kernels/map.h"

namespace ebm {
namespace {

struct AdamUpdate {
  float *p, *m, *v;
  const float* g;
  float scale, beta1, beta2, step_size, inv_sqrt_correction2, eps, shrink;
  EBM_HD void operator()(int64_t i) const {
    const float gradient = scale * g[i];
    m[i] = beta1 * m[i] + (1 - beta1) * gradient;
    v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
    p[i] = shrink * p[i] - step_size * m[i] / (sqrtf(v[i]) * inv_sqrt_correction2 + eps);
  }
};

struct EmaUpdate {
  float* average;
  const float* x;
  float decay;
  EBM_HD void operator()(int64_t i) const { average[i] = decay * average[i] + (1 - decay) * x[i]; }
};

}  // namespace

void adam_step(Tensor& parameters, const Tensor& gradient, Tensor& m, Tensor& v, int64_t t,
               const AdamSettings& s, float gradient_scale) {
  check_same_shape("adam", parameters, gradient);
  check_same_shape("adam", parameters, m);
  check_same_shape("adam", parameters, v);
  EBM_CHECK(t >= 1, "adam", "step " + std::to_string(t), "1 or more");
  // m̂ = m/(1-β1ᵗ), v̂ = v/(1-β2ᵗ): the corrections are the same for all elements
  const double correction1 = 1 - std::pow(static_cast<double>(s.beta1), t);
  const double correction2 = 1 - std::pow(static_cast<double>(s.beta2), t);
  map(parameters.device(), parameters.size(),
      AdamUpdate{parameters.mutable_data(), m.mutable_data(), v.mutable_data(), gradient.data(),
                 gradient_scale, s.beta1, s.beta2, static_cast<float>(s.lr / correction1),
                 static_cast<float>(1 / std::sqrt(correction2)), s.eps, 1 - s.lr * s.weight_decay});
}

void ema_update(Tensor& average, const Tensor& x, float decay) {
  check_same_shape("ema", average, x);
  map(x.device(), x.size(), EmaUpdate{average.mutable_data(), x.data(), decay});
}

}  // namespace ebm
