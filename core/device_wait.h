// The host's waits for a GPU, so that whoever looks after sums between GPUs (core/nccl.h) sees one that does not end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace ebm {
namespace detail {
inline std::atomic<int64_t> device_wait_begun{0};  // nanoseconds of the steady clock; 0: the host does not wait
inline int64_t steady_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
}  // namespace detail

// The host waits while this lives. One thread at a time does.
class DeviceWait {
 public:
  DeviceWait() { detail::device_wait_begun = detail::steady_nanoseconds(); }
  ~DeviceWait() { detail::device_wait_begun = 0; }
  DeviceWait(const DeviceWait&) = delete;
  DeviceWait& operator=(const DeviceWait&) = delete;
};

// Of the wait that is under way; 0 without one.
inline double seconds_in_device_wait() {
  const int64_t begun = detail::device_wait_begun;
  return begun == 0 ? 0 : 1e-9 * static_cast<double>(detail::steady_nanoseconds() - begun);
}

}  // namespace ebm
