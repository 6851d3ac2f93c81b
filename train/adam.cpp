#include "train/adam.h"

#include <algorithm>
#include <cmath>

#include "kernels/reduce.h"

namespace ebm {

Adam::Adam(Parameters& parameters, double beta1, double beta2, double clip_norm, double ema_decay,
           double weight_decay)
    : parameters_(parameters),
      beta1_(beta1),
      beta2_(beta2),
      clip_norm_(clip_norm),
      ema_decay_(ema_decay),
      weight_decay_(weight_decay) {
  const Tensor& flat = parameters.flat();
  gradient_ = Tensor::zeros(flat.shape(), flat.device());
  m_ = Tensor::zeros(flat.shape(), flat.device());
  v_ = Tensor::zeros(flat.shape(), flat.device());
  if (ema_decay > 0) average_ = flat.clone();
}

float Adam::step(const std::vector<Tensor>& gradients, double lr) {
  parameters_.gather(gradients, gradient_);
  const float norm = std::sqrt(sum_squares(gradient_).item());
  const float scale = clip_norm_ > 0 && norm > clip_norm_ ? static_cast<float>(clip_norm_ / norm) : 1.0f;

  AdamSettings settings;
  settings.lr = static_cast<float>(lr);
  settings.beta1 = static_cast<float>(beta1_);
  settings.beta2 = static_cast<float>(beta2_);
  settings.weight_decay = static_cast<float>(weight_decay_);
  adam_step(parameters_.flat(), gradient_, m_, v_, ++t_, settings, scale);

  if (average_.defined()) {
    // the average of the first steps weighs them equally, so that it does not remember the initial values
    const double decay = std::min(ema_decay_, (1.0 + t_) / (10.0 + t_));
    ema_update(average_, parameters_.flat(), static_cast<float>(decay));
  }
  return norm;
}

}  // namespace ebm
