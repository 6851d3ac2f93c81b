#include "core/memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/cuda.h"

namespace ebm {

// What a device's pools have in common. Never destroyed: tensors of static duration may outlive any other order.
struct DeviceMemory {
  std::mutex mutex;
  MemoryStats stats;
  std::shared_ptr<MemoryPool> pool;
};

namespace {

bool exact_memory() {
  static const bool on = is_set("EBM_EXACT_MEMORY");
  return on;
}

// Sizes are rounded up to one of eight steps per power of two, so that nearly equal requests share
// blocks and at most an eighth is wasted.
size_t block_size(size_t bytes) {
  if (exact_memory()) return std::max<size_t>(bytes, 1);
  constexpr size_t kSmallest = 512;
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

std::string megabytes(size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

DeviceMemory& device_memory(Device device) {
  static std::mutex mutex;
  static auto* memories = new std::map<std::pair<int, int>, DeviceMemory>;
  std::lock_guard lock(mutex);
  return (*memories)[{static_cast<int>(device.type), device.index}];
}

template <class Change>
void count(DeviceMemory& memory, const Change& change) {
  std::lock_guard lock(memory.mutex);
  change(memory.stats);
}

std::shared_ptr<MemoryPool> common_pool(Device device) {
  DeviceMemory& memory = device_memory(device);
  std::lock_guard lock(memory.mutex);
  if (!memory.pool) memory.pool = std::make_shared<MemoryPool>(device);
  return memory.pool;
}

thread_local std::pair<Device, std::shared_ptr<MemoryPool>> scoped;

}  // namespace

MemoryPool::MemoryPool(Device device) : device_(device), shared_(device_memory(device)) {}

MemoryPool::~MemoryPool() {
  try {
    release_cached();
  } catch (const Error&) {
    // the device is lost, and its memory with it
  }
}

void* MemoryPool::allocate(size_t bytes) {
  const size_t size = block_size(bytes);
  std::lock_guard lock(mutex_);
  void* memory = nullptr;
  auto& blocks = free_[size];
  const bool fresh = blocks.empty() || exact_memory();
  if (fresh) {
    memory = from_system(size);
    // Not while a graph is recorded: nothing may wait for the device, and cached blocks are the record's.
    if (!memory && !is_recorded()) {
      release_cached_locked();
      const std::shared_ptr<MemoryPool> common = common_pool(device_);
      if (common.get() != this) common->release_cached();
      memory = from_system(size);
    }
    if (!memory) out_of_memory(bytes);
  } else {
    memory = blocks.back();
    blocks.pop_back();
  }
  count(shared_, [&](MemoryStats& stats) {
    stats.system_allocations += fresh;
    stats.bytes_held += fresh ? size : 0;
    stats.bytes_in_use += size;
    stats.peak_bytes_in_use = std::max(stats.peak_bytes_in_use, stats.bytes_in_use);
  });
  return memory;
}

void MemoryPool::release(void* memory, size_t bytes) noexcept {
  const size_t size = block_size(bytes);
  std::lock_guard lock(mutex_);
  count(shared_, [&](MemoryStats& stats) { stats.bytes_in_use -= size; });
  free_[size].push_back(memory);
  if (!exact_memory() || common_pool(device_).get() != this) return;
  try {
    if (!is_recorded()) release_cached_locked();
  } catch (const Error&) {
    // the device is lost, and its memory with it
  }
}

void MemoryPool::release_cached() {
  std::lock_guard lock(mutex_);
  release_cached_locked();
}

void MemoryPool::release_cached_locked() {
  if (device_.is_cuda()) cuda::synchronize(device_.index);
  for (auto& [size, blocks] : free_) {
    for (void* memory : blocks) {
      if (device_.is_cuda())
        cuda::release(device_.index, memory);
      else
        std::free(memory);
    }
    count(shared_, [&](MemoryStats& stats) { stats.bytes_held -= size * blocks.size(); });
    blocks.clear();
  }
}

bool MemoryPool::is_recorded() const { return device_.is_cuda() && cuda::capturing(device_.index); }

void* MemoryPool::from_system(size_t size) {
  if (!device_.is_cuda()) return std::aligned_alloc(64, (size + 63) / 64 * 64);
  return cuda::allocate(device_.index, size);
}

void MemoryPool::out_of_memory(size_t bytes) {
  const MemoryStats stats = memory_stats(device_);
  std::string expected =
      "no more than the device has: held " + megabytes(stats.bytes_held) + ", in use " + megabytes(stats.bytes_in_use);
  if (device_.is_cuda()) {
    const cuda::MemoryInfo info = cuda::memory_info(device_.index);
    expected += ", free " + megabytes(info.free) + " of " + megabytes(info.total);
  }
  EBM_FAIL("out of memory on " + to_string(device_), "a request for " + megabytes(bytes),
           expected + "; a smaller --batch or --chains needs less");
}

std::shared_ptr<MemoryPool> current_pool(Device device) {
  return scoped.second && scoped.first == device ? scoped.second : common_pool(device);
}

PoolScope::PoolScope(Device device, std::shared_ptr<MemoryPool> pool)
    : outer_(std::exchange(scoped, {device, std::move(pool)})) {}

PoolScope::~PoolScope() { scoped = std::move(outer_); }

MemoryStats memory_stats(Device device) {
  DeviceMemory& memory = device_memory(device);
  std::lock_guard lock(memory.mutex);
  return memory.stats;
}

void reset_peak_memory(Device device) {
  count(device_memory(device), [](MemoryStats& stats) { stats.peak_bytes_in_use = stats.bytes_in_use; });
}

}  // namespace ebm
