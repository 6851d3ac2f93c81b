// Adam for one network: moments, step count, clipping and moving average over its flat buffer.
#pragma once

#include <vector>

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
  // gradient: of parameters.entries()[entry], this rank's part; each entry's once, in the same order on all ranks. Entries
  // that lie side by side are a piece, which the ranks begin to sum up (Communicator::begin_sum) when all of it is there.
  // step() waits for the sums and changes the parameters; it returns the squared norm of the whole gradient before clipping (1).
  void take(size_t entry, const Tensor& gradient);
  Tensor step();

  int64_t steps() const { return t_; }
  void set_steps(int64_t t) { t_ = t; }
  Tensor& m() { return m_; }
  Tensor& v() { return v_; }
  Tensor& average() { return average_; }  // undefined without a moving average
  bool has_average() const { return average_.defined(); }

 private:
  struct Piece {
    int64_t first, size;      // of the flat buffer
    size_t entries, missing;  // how many it has, and how many of them are still to be taken
  };

  Parameters& parameters_;
  Scalars& scalars_;
  AdamSettings settings_;
  double clip_norm_, ema_decay_;
  int step_size_, inv_sqrt_correction2_, shrink_, average_decay_;  // places in scalars_
  int64_t t_ = 0;
  Tensor gradient_, m_, v_, average_;  // all (size of the network)
  std::vector<Piece> pieces_;
  std::vector<size_t> piece_of_;  // by entry
  int64_t begun_ = 0;             // the last sum of a piece
};

}  // namespace ebm
