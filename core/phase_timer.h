// How long the phases of a device's repeated work take, without waiting for it in between. On a profiler's
// timeline each phase is a range of its name (core/profile_range.h).
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "core/device.h"
#include "core/profile_range.h"

namespace ebm {

class PhaseTimer {
 public:
  PhaseTimer(Device device, const std::vector<const char*>& names);
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
    const char* name = "";
    bool ran = false;
    std::chrono::steady_clock::time_point begin, end;  // on the CPU
    void *begun = nullptr, *ended = nullptr;           // events, on a GPU
  };

  Device device_;
  std::vector<Phase> phases_;
  int current_ = -1;
  std::optional<ProfileRange> range_;
};

}  // namespace ebm
