// How often the host gave work to a GPU: launches of own kernels, calls of a library's routine (which may
// launch several), copies, fills, replays of a CUDA graph (one, however many kernels it holds). What
// `ebm bench` shows as calls: each costs the host a few microseconds.
#pragma once

#include <atomic>
#include <cstdint>

namespace ebm {
namespace detail {
inline std::atomic<int64_t> device_calls{0};
inline std::atomic<int64_t> replayed_kernels{0};
}  // namespace detail

// Since the program started, on all GPUs together; 0 on the CPU.
inline int64_t device_calls() { return detail::device_calls.load(std::memory_order_relaxed); }
// For whoever gives the work.
inline void count_device_call() { detail::device_calls.fetch_add(1, std::memory_order_relaxed); }

// Kernels in the graphs that were replayed so far, libraries' kernels included: what a GPU launches, which only a
// record tells.
inline int64_t replayed_kernels() { return detail::replayed_kernels.load(std::memory_order_relaxed); }
inline void count_replayed_kernels(int64_t n) { detail::replayed_kernels.fetch_add(n, std::memory_order_relaxed); }

}  // namespace ebm
