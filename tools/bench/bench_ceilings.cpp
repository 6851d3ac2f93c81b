#include "tools/bench/bench_ceilings.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "core/memory.h"
#include "core/precision.h"
#include "kernels/linear.h"
#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_clock.h"

namespace ebm {
namespace {

// n bf16 numbers in [-1, 1], two in an element.
Tensor random_bf16(int64_t n, Device device) {
  const std::vector<float> values = random_tensor({n}, kCpu).to_host();
  std::vector<float> pairs(values.size() / 2);
  for (size_t i = 0; i < pairs.size(); ++i)  // bf16 is the upper half of an fp32 number
    pairs[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(values[2 * i]) >> 16 |
                                    (std::bit_cast<uint32_t>(values[2 * i + 1]) & 0xffff0000u));
  return Tensor::from_host(pairs, {static_cast<int64_t>(pairs.size())}, device);
}

double matrix_rate(Device device) {
  const int64_t n = device.is_cuda() ? 8192 : 2048;
  const bool bf16 = device.is_cuda() && precision() == Precision::bf16;
  const auto operand = [&] { return bf16 ? random_bf16(n * n, device) : random_tensor({n, n}, device); };
  const Tensor a = operand(), b = operand();
  Tensor c = Tensor::empty({n, n}, device);
  const double seconds = median_seconds(
      device,
      [&] {
        if (bf16)
          cuda::product_of_bf16(device, n, a.data(), b.data(), c.mutable_data());
        else if (device.is_cuda())
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
