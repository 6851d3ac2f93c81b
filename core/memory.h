// Caching allocators. Freed blocks are kept and handed out again, so that a training step allocates nothing
// from the system once every shape has been seen. EBM_EXACT_MEMORY=1 keeps and rounds nothing: each request is one to
// the system for its bytes, so that whoever watches those (compute-sanitizer, tests/host_gpu) sees what goes beyond.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/device.h"

namespace ebm {

struct MemoryStats {
  uint64_t system_allocations = 0;  // times the system (malloc, cudaMalloc) was asked; constant in steady state
  size_t bytes_held = 0;            // from the system: in use and cached
  size_t bytes_in_use = 0;
  size_t peak_bytes_in_use = 0;
};

// Blocks of one device. Thread safe. On a GPU a released block may still be read by work that was given to the
// device before: its next owner writes it in stream order, after that work.
class MemoryPool {
 public:
  explicit MemoryPool(Device device);
  ~MemoryPool();  // no block may be in use
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // 64-byte aligned, uninitialised memory of at least `bytes` bytes (0 gives a valid pointer). Throws Error if
  // the device has no more, cached blocks given back, saying how much was asked, held and free.
  void* allocate(size_t bytes);
  void release(void* memory, size_t bytes) noexcept;
  // Gives all cached blocks back to the system.
  void release_cached();

 private:
  void* from_system(size_t size);
  void release_cached_locked();
  bool is_recorded() const;  // whether the device's work goes into a graph at present
  [[noreturn]] void out_of_memory(size_t bytes);

  Device device_;
  struct DeviceMemory& shared_;  // what the device's pools have in common
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;
};

// Where this thread's tensors on `device` get their memory: the device's one pool, or that of a PoolScope.
std::shared_ptr<MemoryPool> current_pool(Device device);

// While alive, this thread's tensors on the pool's device come from it and return to it: what a captured graph
// writes to at every replay must not be lent to others in between.
class PoolScope {
 public:
  PoolScope(Device device, std::shared_ptr<MemoryPool> pool);
  ~PoolScope();
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  std::pair<Device, std::shared_ptr<MemoryPool>> outer_;
};

// Of all pools of the device.
MemoryStats memory_stats(Device device);
// From now on peak_bytes_in_use is the most since this call.
void reset_peak_memory(Device device);

}  // namespace ebm
