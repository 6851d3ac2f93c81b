#include "core/phase_timer.h"

#include "core/cuda.h"

namespace ebm {

PhaseTimer::PhaseTimer(Device device, int phases) : device_(device) {
  if (!device.is_cuda()) times_.resize(phases + 1);
  else
    for (int i = 0; i <= phases; ++i) events_.push_back(cuda::create_event(device.index));
}

PhaseTimer::~PhaseTimer() {
  for (void* event : events_) cuda::release_event(event);
}

void PhaseTimer::mark(int i) {
  if (device_.is_cuda()) cuda::record_event(device_.index, events_[i]);
  else times_[i] = std::chrono::steady_clock::now();
}

double PhaseTimer::seconds(int i) const {
  if (device_.is_cuda()) return cuda::seconds_between(events_[i], events_[i + 1]);
  return std::chrono::duration<double>(times_[i + 1] - times_[i]).count();
}

}  // namespace ebm
