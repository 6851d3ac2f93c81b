// When the host waits for a GPU, or gives it work, which may be to wait for room: so that whoever looks after sums between
// GPUs (core/nccl.h) sees what does not end.
#pragma once

#include <atomic>

namespace ebm {
namespace detail {
inline std::atomic<int> device_waits{0};
}  // namespace detail

// The host waits, or may have to, while one lives.
class DeviceWait {
 public:
  DeviceWait() { ++detail::device_waits; }
  ~DeviceWait() { --detail::device_waits; }
  DeviceWait(const DeviceWait&) = delete;
  DeviceWait& operator=(const DeviceWait&) = delete;
};

inline bool in_device_wait() { return detail::device_waits > 0; }

}  // namespace ebm
