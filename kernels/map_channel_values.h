// map_channel_values(device, rows, channels, f, operands…): f(the operands' elements i) for every element i of a
// (rows, channels) array, as map_values() (kernels/map_values.h), an operand being a ReadChannel too: its element is
// that of the channel i % channels. A division per element would be slower than the maths around it: the CPU walks
// rows, or periods of several rows where these are short, and never divides.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/map.h"
#include "kernels/operands.h"

namespace ebm {

// A run of whole rows, long enough to fill vector registers: channel[j] is the channel of its j-th element.
struct ChannelPeriod {
  explicit ChannelPeriod(int64_t channels) {
    constexpr int64_t kShortest = 64;
    folds = channels < kShortest ? (kShortest + channels - 1) / channels : 1;
    length = folds * channels;
    if (folds == 1) return;
    channel.resize(length);
    for (int64_t j = 0; j < length; ++j) channel[j] = static_cast<int32_t>(j % channels);
  }
  int64_t folds, length;         // rows and elements of one period
  std::vector<int32_t> channel;  // (length); empty where a period is one row
};

#if defined(__CUDACC__)
template <class Index, class F, class... Operand>
__global__ void map_channel_values_kernel(Index n, Index channels, F f, Operand... operand) {
  const Index stride = Index{4} * gridDim.x * blockDim.x;
  const Index first = Index{4} * (static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x);
  for (Index i = first; i < n; i += stride) on_each_of_quad({i, 0, n, i % channels}, f, operand...);
}

template <class Index, class F, class... Operand>
void launch_map_channel_values(Device device, int64_t n, int64_t channels, const F& f, const Operand&... operand) {
  const Launch launch = launch_for((n + 3) / 4);
  map_channel_values_kernel<Index><<<launch.blocks, launch.threads, 0, launch_stream(device)>>>(
      static_cast<Index>(n), static_cast<Index>(channels), f, operand...);
  check_launch<F>(device, "map_channel_values", {n / channels, channels});
}
#endif

// f(i, c) for every element i in channel c.
template <class F>
void map_channels_on_cpu(int64_t rows, int64_t channels, const F& f) {
  const int64_t n = rows * channels;
  const ChannelPeriod period(channels);
  const int64_t periods = (n + period.length - 1) / period.length;
  const int32_t* channel = period.channel.data();
  const F local = f;  // as in map(): out of reach of any pointer
#pragma omp parallel for schedule(static) firstprivate(local) if (n >= kParallelGrain)
  for (int64_t p = 0; p < periods; ++p) {
    const int64_t first = p * period.length;
    const int64_t count = first + period.length < n ? period.length : n - first;
    if (period.folds == 1) {
#pragma omp simd
      for (int64_t j = 0; j < count; ++j) local(first + j, j);
    } else {
#pragma omp simd
      for (int64_t j = 0; j < count; ++j) local(first + j, static_cast<int64_t>(channel[j]));
    }
  }
}

template <class F, class... Operand>
void map_channel_values(Device device, int64_t rows, int64_t channels, const F& f, const Operand&... operand) {
  static_assert(
      !requires(F g) { g.load(); }, "a functor's load() is not called here");
  const int64_t n = rows * channels;
  if (n == 0) return;
  if (device.is_cuda()) {
#if defined(__CUDACC__)
    // A 64-bit division takes three times as long; the margin keeps i + stride from wrapping around.
    if (n < (int64_t{1} << 31))
      launch_map_channel_values<uint32_t>(device, n, channels, f, operand...);
    else
      launch_map_channel_values<int64_t>(device, n, channels, f, operand...);
#else
    EBM_FAIL("map_channel_values", to_string(device), "a build with CUDA");
#endif
  } else {
    map_channels_on_cpu(rows, channels, [=](int64_t i, int64_t c) { f(operand.at(i, c)...); });
  }
}

}  // namespace ebm
