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

  // Begins phase i, 0 … phases - 1, and ends the one before, if one was begun. May be recorded in a Graph.
  void begin(int i);
  void end();
  // Seconds of phase i when it last ran, 0 if it never did. On a GPU that must have ended (synchronize()).
  double seconds(int i) const;

 private:
  struct Phase {
    bool ran = false;
    std::chrono::steady_clock::time_point begin, end;  // on the CPU
    void *begun = nullptr, *ended = nullptr;           // events, on a GPU
  };

  Device device_;
  std::vector<Phase> phases_;
  int current_ = -1;
};

}  // namespace ebm
