#include "tools/bench_ceilings.h"

#include <algorithm>

#include "core/memory.h"
#include "kernels/linear.h"
#include "tools/bench_cases.h"
#include "tools/bench_clock.h"

namespace ebm {
namespace {

double matrix_rate(Device device) {
  const int64_t n = device.is_cuda() ? 8192 : 2048;
  const Tensor a = random_tensor({n, n}, device), b = random_tensor({n, n}, device);
  Tensor c = Tensor::empty({n, n}, device);
  const double seconds = median_seconds(
      device,
      [&] {
        if (device.is_cuda())
          cuda::gemm(device, false, false, n, n, n, a.data(), b.data(), 0.0f, c.mutable_data());
        else
          cpu::gemm(false, false, n, n, n, a.data(), b.data(), 0.0f, c.mutable_data());
      },
      1.5);
  return 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / seconds;
}

// Far beyond any cache. On the CPU by all threads, as STREAM's copy (McCalpin 1995).
double copy_rate(Device device) {
  const int64_t n = int64_t{1} << (device.is_cuda() ? 28 : 26);  // 1 GiB, 256 MiB
  const Tensor from = random_tensor({n}, device);
  Tensor to = Tensor::zeros({n}, device);
  const double seconds = median_seconds(
      device,
      [&] {
        if (device.is_cuda()) return to.copy_from(from);
        const float* source = from.data();
        float* target = to.mutable_data();
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < n; ++i) target[i] = source[i];
      },
      0.6);
  return 2.0 * static_cast<double>(from.bytes()) / seconds;
}

}  // namespace

Ceilings measure_ceilings(Device device) {
  const Ceilings ceilings{matrix_rate(device), copy_rate(device)};
  current_pool(device)->release_cached();  // nothing that follows needs blocks of this size
  return ceilings;
}

Ceilings larger(const Ceilings& a, const Ceilings& b) {
  return {std::max(a.matrix, b.matrix), std::max(a.copy, b.copy)};
}

}  // namespace ebm
