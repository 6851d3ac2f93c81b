#include "core/memory.h"

#include <doctest/doctest.h>

#include <cstdint>

#include "core/check.h"
#include "core/tensor.h"
#include "tests/test_device.h"

namespace ebm {

TEST_CASE("a released block is handed out again, also for a slightly smaller request") {
  const Device device = test_device();
  MemoryPool pool(device);
  void* first = pool.allocate(100000);
  CHECK(reinterpret_cast<uintptr_t>(first) % 64 == 0);
  pool.release(first, 100000);
  const uint64_t asked = memory_stats(device).system_allocations;
  void* second = pool.allocate(99000);
  CHECK(second == first);
  CHECK(memory_stats(device).system_allocations == asked);
  pool.release(second, 99000);
}

TEST_CASE("memory counters follow what is in use") {
  const Device device = test_device();
  const MemoryStats before = memory_stats(device);
  {
    const Tensor x = Tensor::empty({1000, 1000}, device);
    const MemoryStats during = memory_stats(device);
    const size_t block = during.bytes_in_use - before.bytes_in_use;
    CHECK(block >= x.bytes());
    CHECK(block <= x.bytes() + x.bytes() / 8);  // the rounding wastes an eighth at most
    CHECK(during.peak_bytes_in_use >= during.bytes_in_use);
    CHECK(during.bytes_held >= during.bytes_in_use);
    const Tensor view = x.view(10, {100});
    CHECK(memory_stats(device).bytes_in_use == during.bytes_in_use);
  }
  CHECK(memory_stats(device).bytes_in_use == before.bytes_in_use);
  CHECK(memory_stats(device).peak_bytes_in_use > before.bytes_in_use);
  reset_peak_memory(device);
  CHECK(memory_stats(device).peak_bytes_in_use == before.bytes_in_use);
}

TEST_CASE("in steady state the system is not asked for memory") {
  const Device device = test_device();
  const auto step = [&] {
    const Tensor a = Tensor::zeros({30, 14, 14, 8}, device), b = a.clone();
    const Tensor c = Tensor::zeros({30, 10}, device);
  };
  step();
  const MemoryStats first = memory_stats(device);
  for (int i = 0; i < 10; ++i) step();
  const MemoryStats last = memory_stats(device);
  CHECK(last.system_allocations == first.system_allocations);
  CHECK(last.bytes_held == first.bytes_held);
  CHECK(last.peak_bytes_in_use == first.peak_bytes_in_use);
}

TEST_CASE("an empty request gives a valid block, and cached blocks can be given back") {
  const Device device = test_device();
  const MemoryStats before = memory_stats(device);
  MemoryPool pool(device);
  void* nothing = pool.allocate(0);
  CHECK(nothing != nullptr);
  pool.release(nothing, 0);
  CHECK(memory_stats(device).bytes_held > before.bytes_held);
  pool.release_cached();
  CHECK(memory_stats(device).bytes_held == before.bytes_held);
}

TEST_CASE("within a scope tensors come from its pool and return to it, also after the scope") {
  const Device device = test_device();
  const auto pool = std::make_shared<MemoryPool>(device);
  const float *inside = nullptr, *outside = nullptr;
  Tensor outlives;
  {
    const PoolScope scope(device, pool);
    inside = Tensor::empty({1000}, device).data();
    CHECK(Tensor::empty({1000}, device).data() == inside);
    outlives = Tensor::empty({1000}, device);
    CHECK(outlives.data() == inside);
    CHECK(current_pool(device) == pool);
  }
  CHECK(current_pool(device) != pool);
  outside = Tensor::empty({1000}, device).data();
  CHECK(outside != inside);
  outlives = {};
  CHECK(Tensor::empty({1000}, device).data() == outside);  // the pool's block is not lent to others
  const PoolScope scope(device, pool);
  CHECK(Tensor::empty({1000}, device).data() == inside);
}

TEST_CASE("a request beyond the memory of the machine is an Error that says how much was asked") {
  const size_t bytes = size_t{1} << 60;
  try {
    MemoryPool(test_device()).allocate(bytes);
    FAIL("no Error");
  } catch (const Error& error) {
    CHECK(error.received().find(std::to_string(bytes >> 20) + " MiB") != std::string::npos);
  }
}

}  // namespace ebm
