// The launch arithmetic and the error check behind every CUDA kernel, in one place.
#pragma once

#if defined(__CUDACC__)
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "core/check.h"
#include "core/cuda.h"
#include "core/device.h"
#include "core/device_calls.h"
#include "core/tensor.h"
#include "core/type_name.h"

namespace ebm {

struct Launch {
  int blocks, threads;
};

// One thread per element up to a grid that fills any chip; kernels loop over the rest.
inline Launch launch_for(int64_t n, int threads = 256) {
  return {static_cast<int>(std::min<int64_t>((n + threads - 1) / threads, 16384)), threads};
}

inline cudaStream_t launch_stream(Device device) { return static_cast<cudaStream_t>(cuda::stream(device.index)); }

// Call after each launch. F is the functor that the kernel applies and `shape` that of the array it runs
// over: an error names "map of AdamUpdate over (4096)". EBM_SYNC=1 waits for the kernel, so that a fault
// names the one that made it.
template <class F>
void check_launch(Device device, const char* kernel, const Shape& shape) {
  count_device_call();
  cudaError_t status = cudaGetLastError();
  if (status == cudaSuccess && sync_after_launch()) status = cudaStreamSynchronize(launch_stream(device));
  EBM_CHECK(status == cudaSuccess, std::string(kernel) + " of " + type_name(typeid(F)) + " over " + to_string(shape),
            cudaGetErrorString(status), "a kernel that runs");
}

}  // namespace ebm
#endif
