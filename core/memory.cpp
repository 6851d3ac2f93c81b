#include "core/memory.h"

#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/cuda.h"

namespace ebm {
namespace {

// Sizes are rounded up to one of eight steps per power of two, so that nearly equal requests share
// blocks and at most an eighth is wasted.
size_t block_size(size_t bytes) {
  constexpr size_t kSmallest = 512;
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

std::string megabytes(size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

class Pool {
 public:
  explicit Pool(Device device) : device_(device) {}

  void* allocate(size_t bytes) {
    const size_t size = block_size(bytes);
    std::lock_guard lock(mutex_);
    void* memory = nullptr;
    auto& blocks = free_[size];
    if (!blocks.empty()) {
      memory = blocks.back();
      blocks.pop_back();
    } else {
      memory = from_system(size);
      if (!memory) {
        release_cached();
        memory = from_system(size);
      }
      if (!memory) out_of_memory(bytes);
      ++stats_.system_allocations;
      stats_.bytes_held += size;
    }
    stats_.bytes_in_use += size;
    stats_.peak_bytes_in_use = std::max(stats_.peak_bytes_in_use, stats_.bytes_in_use);
    return memory;
  }

  void release(void* memory, size_t bytes) noexcept {
    const size_t size = block_size(bytes);
    std::lock_guard lock(mutex_);
    stats_.bytes_in_use -= size;
    free_[size].push_back(memory);
  }

  MemoryStats stats() {
    std::lock_guard lock(mutex_);
    return stats_;
  }

  void reset_peak() {
    std::lock_guard lock(mutex_);
    stats_.peak_bytes_in_use = stats_.bytes_in_use;
  }

  void release_all_cached() {
    std::lock_guard lock(mutex_);
    release_cached();
  }

 private:
  void* from_system(size_t size) {
    if (device_.is_cuda()) return cuda::allocate(device_.index, size);
    return std::aligned_alloc(64, (size + 63) / 64 * 64);
  }

  void release_cached() {
    if (device_.is_cuda()) cuda::synchronize(device_.index);
    for (auto& [size, blocks] : free_) {
      for (void* memory : blocks) {
        if (device_.is_cuda()) cuda::release(device_.index, memory);
        else std::free(memory);
        stats_.bytes_held -= size;
      }
      blocks.clear();
    }
  }

  [[noreturn]] void out_of_memory(size_t bytes) {
    std::string expected = "no more than the device has: in use " + megabytes(stats_.bytes_in_use);
    if (device_.is_cuda()) {
      const cuda::MemoryInfo info = cuda::memory_info(device_.index);
      expected += ", free " + megabytes(info.free) + " of " + megabytes(info.total);
    }
    EBM_FAIL("out of memory on " + to_string(device_), "a request for " + megabytes(bytes),
             expected + "; a smaller --batch or --chains needs less");
  }

  Device device_;
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;
  MemoryStats stats_;
};

// Pools live until the process ends: tensors of static duration may outlive any other order.
Pool& pool(Device device) {
  static std::mutex mutex;
  static auto* pools = new std::map<std::pair<int, int>, Pool*>;
  std::lock_guard lock(mutex);
  Pool*& entry = (*pools)[{static_cast<int>(device.type), device.index}];
  if (!entry) entry = new Pool(device);
  return *entry;
}

}  // namespace

void* allocate(Device device, size_t bytes) { return pool(device).allocate(bytes); }
void release(Device device, void* memory, size_t bytes) noexcept {
  pool(device).release(memory, bytes);
}
MemoryStats memory_stats(Device device) { return pool(device).stats(); }
void reset_peak_memory(Device device) { pool(device).reset_peak(); }
void release_cached_memory(Device device) { pool(device).release_all_cached(); }

}  // namespace ebm
