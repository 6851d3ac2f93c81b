#include "core/phase_timer.h"

#include "core/cuda.h"

namespace ebm {

PhaseTimer::PhaseTimer(Device device, const std::vector<const char*>& names) : device_(device) {
  for (const char* name : names) {
    Phase& phase = phases_.emplace_back();
    phase.name = name;
    if (!device.is_cuda()) continue;
    phase.begun = cuda::create_event(device.index);
    phase.ended = cuda::create_event(device.index);
  }
}

PhaseTimer::~PhaseTimer() {
  if (!device_.is_cuda()) return;
  for (Phase& phase : phases_) {
    cuda::release_event(phase.begun);
    cuda::release_event(phase.ended);
  }
}

void PhaseTimer::begin(int i) {
  end();
  Phase& phase = phases_[i];
  if (device_.is_cuda())
    cuda::record_event(device_.index, phase.begun);
  else
    phase.begin = std::chrono::steady_clock::now();
  phase.ran = true;
  current_ = i;
  range_.emplace(phase.name);
}

void PhaseTimer::end() {
  if (current_ < 0) return;
  Phase& phase = phases_[current_];
  if (device_.is_cuda())
    cuda::record_event(device_.index, phase.ended);
  else
    phase.end = std::chrono::steady_clock::now();
  current_ = -1;
  range_.reset();
}

double PhaseTimer::seconds(int i) const {
  const Phase& phase = phases_[i];
  if (!phase.ran) return 0;
  if (device_.is_cuda()) return cuda::seconds_between(phase.begun, phase.ended);
  return std::chrono::duration<double>(phase.end - phase.begin).count();
}

}  // namespace ebm
