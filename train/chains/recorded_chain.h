// Langevin chains of one shape and length that are run again and again, as when samples are drawn: on a GPU
// a block of steps is recorded as a CUDA graph and replayed.
#pragma once

#include <functional>

#include "core/graph.h"
#include "kernels/scalars.h"
#include "train/chains/langevin.h"

namespace ebm {

class RecordedChain {
 public:
  // Runs `count` steps of all chains in place, drawing from `key`.
  using Steps = std::function<void(Tensor& x, int64_t count, const RandomKey& key)>;

  // x: (N, …) with a multiple of 4 elements. The noise of chain i at step t is that of langevin_chain for the same key.
  RecordedChain(Steps steps, const Shape& x, Device device, int64_t num_steps, const RandomKey& key,
                bool use_graph = true);
  // On an energy net, to which it keeps a reference: its parameters are read at each run.
  RecordedChain(const EnergyNet& energy, const Shape& x, Device device, int64_t num_steps, const LangevinStep& step,
                const RandomKey& key, bool use_graph = true)
      : RecordedChain([&energy, step](Tensor& at, int64_t count,
                                      const RandomKey& k) { langevin_chain(energy, at, count, step, k); },
                      x, device, num_steps, key, use_graph) {}

  // num_steps steps of all chains in place; their global indices begin at first_chain, a multiple of N.
  void run(Tensor& x, int64_t first_chain);

 private:
  Steps steps_;
  int64_t num_steps_, block_;  // block_ steps are one record
  RandomKey key_;
  Scalars scalars_;
  int offset_;  // place in scalars_
  Tensor x_;    // (N, …)
  Graph whole_, rest_;
};

}  // namespace ebm
