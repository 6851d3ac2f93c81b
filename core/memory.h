// The caching allocator: one per device. Freed blocks are kept and handed out again, so that a training
// step allocates nothing from the system once every shape has been seen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device.h"

namespace ebm {

struct MemoryStats {
  uint64_t system_allocations = 0;  // times the system (malloc, cudaMalloc) was asked; constant in steady state
  size_t bytes_held = 0;            // from the system: in use and cached
  size_t bytes_in_use = 0;
  size_t peak_bytes_in_use = 0;
};

// 64-byte aligned, uninitialised memory of at least `bytes` bytes (0 gives a valid pointer). Thread safe.
// Throws Error if the device has no more, saying how much was asked, held and free.
void* allocate(Device device, size_t bytes);
void release(Device device, void* memory, size_t bytes) noexcept;

MemoryStats memory_stats(Device device);
// From now on peak_bytes_in_use is the most since this call.
void reset_peak_memory(Device device);
// Gives all cached blocks back to the system.
void release_cached_memory(Device device);

}  // namespace ebm
