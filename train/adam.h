// Adam for one network: moments, step count, clipping and moving average over its flat buffer.
#pragma once

#include "kernels/optimizer.h"
#include "kernels/scalars.h"
#include "models/parameters.h"

namespace ebm {

class Adam {
 public:
  // Keeps references to parameters and scalars, which must outlive it. ema_decay 0: no moving average is kept.
  Adam(Parameters& parameters, Scalars& scalars, double beta1, double beta2, double clip_norm, double ema_decay,
       double weight_decay = 0);

  // One update is three calls, so that the others can be recorded: prepare() counts it and gives its numbers to the
  // scalars, which have to be uploaded before step() runs.
  void prepare(double lr);
  // gradients: in order of parameters.entries(), this rank's part, which the world's ranks begin to sum up
  // (Communicator::begin_sum). After the world's join() step() changes the parameters, and returns the squared norm of the
  // whole gradient before clipping (1).
  void take(const std::vector<Tensor>& gradients);
  Tensor step();

  int64_t steps() const { return t_; }
  void set_steps(int64_t t) { t_ = t; }
  Tensor& m() { return m_; }
  Tensor& v() { return v_; }
  Tensor& average() { return average_; }  // undefined without a moving average
  bool has_average() const { return average_.defined(); }

 private:
  Parameters& parameters_;
  Scalars& scalars_;
  AdamSettings settings_;
  double clip_norm_, ema_decay_;
  int step_size_, inv_sqrt_correction2_, shrink_, average_decay_;  // places in scalars_
  int64_t t_ = 0;
  Tensor gradient_, m_, v_, average_;  // all (size of the network)
};

}  // namespace ebm
