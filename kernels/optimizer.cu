#include "kernels/optimizer.h"

#include <cmath>

#include "kernels/map_values.h"

namespace ebm {
namespace {

struct AdamUpdate {
  const float* norm_sq;
  AdamStep at;
  float beta1, beta2, eps, clip_norm;
  float scale = 1;  // of the gradient
  EBM_HD void load() {
    at.step_size.load();
    at.inv_sqrt_correction2.load();
    at.shrink.load();
    if (clip_norm > 0 && *norm_sq > clip_norm * clip_norm) scale = clip_norm / sqrtf(*norm_sq);
  }
  EBM_HD void operator()(float& p, float& m, float& v, float g) const {
    const float gradient = scale * g;
    m = beta1 * m + (1 - beta1) * gradient;
    v = beta2 * v + (1 - beta2) * gradient * gradient;
    p = at.shrink.value * p - at.step_size.value * m / (sqrtf(v) * at.inv_sqrt_correction2.value + eps);
  }
};

struct EmaUpdate {
  Scalar decay;
  EBM_HD void load() { decay.load(); }
  EBM_HD void operator()(float& average, float x) const { average = decay.value * average + (1 - decay.value) * x; }
};

}  // namespace

AdamStep adam_at(const AdamSettings& s, int64_t t) {
  EBM_CHECK(t >= 1, "adam", "step " + std::to_string(t), "1 or more");
  const double correction1 = 1 - std::pow(static_cast<double>(s.beta1), t);
  const double correction2 = 1 - std::pow(static_cast<double>(s.beta2), t);
  return {static_cast<float>(s.lr / correction1), static_cast<float>(1 / std::sqrt(correction2)),
          1 - s.lr * s.weight_decay};
}

void adam_step(Tensor& parameters, const Tensor& gradient, Tensor& m, Tensor& v, const AdamSettings& s,
               const AdamStep& step, const Tensor& norm_sq, float clip_norm) {
  check_same_shape("adam", parameters, gradient);
  check_same_shape("adam", parameters, m);
  check_same_shape("adam", parameters, v);
  if (clip_norm > 0) check_shape("adam", "norm_sq", norm_sq, {1});
  map_values(parameters.device(), parameters.size(),
             AdamUpdate{clip_norm > 0 ? norm_sq.data() : nullptr, step, s.beta1, s.beta2, s.eps, clip_norm},
             ReadWrite{parameters.mutable_data()}, ReadWrite{m.mutable_data()}, ReadWrite{v.mutable_data()},
             Read{gradient.data()});
}

void ema_update(Tensor& average, const Tensor& x, Scalar decay) {
  check_same_shape("ema", average, x);
  map_values(x.device(), x.size(), EmaUpdate{decay}, ReadWrite{average.mutable_data()}, Read{x.data()});
}

}  // namespace ebm
