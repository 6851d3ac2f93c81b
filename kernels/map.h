// map(device, n, f): f(i) for i = 0 … n-1, on the CPU's cores or as one CUDA kernel. Files that use it end
// in .cu and are built by nvcc where CUDA is found, by the C++ compiler elsewhere: one source for both.
// f is a named struct with an EBM_HD operator() (a host-device lambda runs ten times slower on nvcc's
// host path) whose iterations are independent of each other. If it has a load(), that is called once by each
// thread before its iterations: it takes in numbers that lie in the device's memory.
#pragma once

#include <cstdint>

#include "core/check.h"
#include "core/device.h"
#include "core/random.h"  // EBM_HD
#include "kernels/launch.h"

namespace ebm {

template <class F>
EBM_HD void load_numbers(F& f) {
  if constexpr (requires { f.load(); }) f.load();
}

#if defined(__CUDACC__)
template <class F>
__global__ void map_kernel(int64_t n, F f) {
  load_numbers(f);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) f(i);
}
#endif

// Below this many iterations the CPU does not wake its other cores.
inline constexpr int64_t kParallelGrain = 8192;

template <class F>
void map_on_cpu(int64_t n, const F& f, int64_t cost) {
  // A copy of f that no pointer can reach: a store of floats may then not change f's own floats, and the
  // loop vectorises.
  F local = f;
  load_numbers(local);
#pragma omp parallel for simd schedule(static) firstprivate(local) if (n * cost >= kParallelGrain)
  for (int64_t i = 0; i < n; ++i) local(i);
}

// `cost`: rough work of one iteration in elements, for the CPU's choice of threads.
template <class F>
void map(Device device, int64_t n, const F& f, int64_t cost = 1) {
  if (n == 0) return;
  if (device.is_cuda()) {
#if defined(__CUDACC__)
    const Launch launch = launch_for(n);
    map_kernel<<<launch.blocks, launch.threads, 0, launch_stream(device)>>>(n, f);
    check_launch<F>(device, "map", {n});
#else
    EBM_FAIL("map", to_string(device), "a build with CUDA");
#endif
  } else {
    map_on_cpu(n, f, cost);
  }
}

}  // namespace ebm
