// Langevin chains of one shape and length that are run again and again, as when samples are drawn: on a GPU
// a block of steps is recorded as a CUDA graph and replayed.
#pragma once

#include "core/graph.h"
#include "kernels/scalars.h"
#include "train/chains/langevin.h"

namespace ebm {

class RecordedChain {
 public:
  // Keeps a reference to the network, whose parameters it reads at each run. x: (N,H,W,C), N·H·W·C a multiple of 4.
  // The noise of chain i at step t is that of langevin_chain for the same key.
  RecordedChain(const EnergyNet& energy, const Shape& x, Device device, int64_t num_steps, const LangevinStep& step,
                const RandomKey& key, bool use_graph = true);

  // num_steps steps of all chains in place; their global indices begin at first_chain, a multiple of N.
  void run(Tensor& x, int64_t first_chain);

 private:
  const EnergyNet& energy_;
  int64_t num_steps_, block_;  // block_ steps are one record
  LangevinStep step_;
  RandomKey key_;
  Scalars scalars_;
  int offset_;  // place in scalars_
  Tensor x_;    // (N, H, W, C)
  Graph whole_, rest_;
};

}  // namespace ebm
