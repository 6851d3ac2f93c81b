// map_values(device, n, f, operands…): f(the operands' elements i) for i = 0 … n-1, for maths that knows only
// values and not their places. An operand is a Read, Write or ReadWrite (kernels/operands.h); f takes its
// element as a float, or as a float& where it writes. As map() (kernels/map.h) in all else.
#pragma once

#include <cstdint>

#include "kernels/map.h"
#include "kernels/operands.h"

namespace ebm {

#if defined(__CUDACC__)
template <class F, class... Operand>
__global__ void map_values_kernel(int64_t n, F f, Operand... operand) {
  load_numbers(f);
  const int64_t stride = int64_t{4} * gridDim.x * blockDim.x;
  const int64_t first = int64_t{4} * (int64_t{blockIdx.x} * blockDim.x + threadIdx.x);
  for (int64_t i = first; i < n; i += stride) on_each_of_quad({i, 0, n}, f, operand...);
}
#endif

template <class F, class... Operand>
void map_values(Device device, int64_t n, const F& f, const Operand&... operand) {
  if (n == 0) return;
  if (device.is_cuda()) {
#if defined(__CUDACC__)
    const Launch launch = launch_for((n + 3) / 4);
    map_values_kernel<<<launch.blocks, launch.threads, 0, launch_stream(device)>>>(n, f, operand...);
    check_launch<F>(device, "map_values", {n});
#else
    EBM_FAIL("map_values", to_string(device), "a build with CUDA");
#endif
  } else {
    F local = f;
    load_numbers(local);
    map_on_cpu(
        n, [=](int64_t i) { local(operand.at(i)...); }, 1);
  }
}

}  // namespace ebm
