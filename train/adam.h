// Adam for one network: moments, step count, clipping and moving average over its flat buffer.
#pragma once

#include "kernels/optimizer.h"
#include "models/parameters.h"

namespace ebm {

class Adam {
 public:
  // Keeps a reference to parameters, which must outlive it. ema_decay 0: no moving average is kept.
  Adam(Parameters& parameters, double beta1, double beta2, double clip_norm, double ema_decay,
       double weight_decay = 0);

  // One update. gradients: in order of parameters.entries(). Returns the gradient's norm before clipping.
  float step(const std::vector<Tensor>& gradients, double lr);

  int64_t steps() const { return t_; }
  void set_steps(int64_t t) { t_ = t; }
  Tensor& m() { return m_; }
  Tensor& v() { return v_; }
  Tensor& average() { return average_; }  // undefined without a moving average
  bool has_average() const { return average_.defined(); }

 private:
  Parameters& parameters_;
  double beta1_, beta2_, clip_norm_, ema_decay_, weight_decay_;
  int64_t t_ = 0;
  Tensor gradient_, m_, v_, average_;  // all (size of the network)
};

}  // namespace ebm
