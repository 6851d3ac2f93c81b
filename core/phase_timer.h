// How long the phases of a device's repeated work take, without waiting for it in between.
#pragma once

#include <chrono>
#include <vector>

#include "core/device.h"

namespace ebm {

class PhaseTimer {
 public:
  PhaseTimer(Device device, int phases);
  ~PhaseTimer();
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

  // The end of phase i - 1 and the beginning of phase i; 0 … phases, in order. May be recorded in a Graph.
  void mark(int i);
  // Seconds of phase i in the last pass. On a GPU the pass must have ended (synchronize()).
  double seconds(int i) const;

 private:
  Device device_;
  std::vector<std::chrono::steady_clock::time_point> times_;  // on the CPU
  std::vector<void*> events_;                                 // on a GPU
};

}  // namespace ebm
