// Sums over rows and over columns of an array, for the CPU and for CUDA: the two templates behind
// kernels/reduce.cu and kernels/batch_norm.cu. Sums are split into blocks that depend on the shape only
// and added in a fixed order, in double: a result is the same for any number of threads, and from one
// run to the next. Doubles cost nothing here: all of this is bound by memory.
//
//   reduce_rows     the term f(i) of each element i of a (rows, n) array; finish(row, sum)
//   reduce_columns  the terms f(i, c) of each element i in channel c of a (rows, channels) array, kSums
//                   of them at a time; finish(c, sums)
//
// f and finish are named structs with an EBM_HD operator() const.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/tensor.h"
#include "kernels/map_channel_values.h"

namespace ebm {

template <int kSums>
struct Sums {
  double v[kSums];
};

// `count` doubles of scratch, in a tensor so that they come from the caching allocator.
inline Tensor double_scratch(int64_t count, Device device) { return Tensor::empty({2 * count}, device); }
inline double* doubles(Tensor& scratch) { return reinterpret_cast<double*>(scratch.mutable_data()); }

#if defined(__CUDACC__)
inline constexpr int kReduceThreads = 256;

// The sum of v over the block, valid in thread 0: within warps by shuffles, across warps in shared memory.
__device__ inline double block_sum(double v) {
  __shared__ double warp_sums[kReduceThreads / 32];
  for (int offset = 16; offset > 0; offset /= 2) v += __shfl_down_sync(0xffffffffu, v, offset);
  if (threadIdx.x % 32 == 0) warp_sums[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x >= 32) return 0;
  v = threadIdx.x < kReduceThreads / 32 ? warp_sums[threadIdx.x] : 0;
  for (int offset = 4; offset > 0; offset /= 2) v += __shfl_down_sync(0xffffffffu, v, offset);
  return v;
}

// Block b sums elements [part·span, (part+1)·span) of row b / parts, part = b % parts.
template <class F, class Finish>
__global__ void reduce_rows_kernel(int64_t n, int64_t parts, int64_t span, F f, Finish finish) {
  const int64_t row = blockIdx.x / parts, part = blockIdx.x % parts;
  const int64_t end = part * span + span < n ? part * span + span : n;
  double sum = 0;
  for (int64_t j = part * span + threadIdx.x; j < end; j += kReduceThreads) sum += f(row * n + j);
  sum = block_sum(sum);
  if (threadIdx.x == 0) finish(blockIdx.x, sum);
}

// Threads of a block cover `width` channels from blockIdx.y·width on, in `groups` rows at a time, and
// combine the groups as a tree in shared memory.
template <int kSums, class F, class Finish>
__global__ void reduce_columns_kernel(int64_t rows, int64_t channels, int64_t rows_per_block, int width, int groups,
                                      F f, Finish finish) {
  __shared__ double shared[kSums][kReduceThreads];
  const int group = threadIdx.x / width;
  const int64_t c = static_cast<int64_t>(blockIdx.y) * width + threadIdx.x % width;
  const int64_t first = blockIdx.x * rows_per_block;
  const int64_t end = first + rows_per_block < rows ? first + rows_per_block : rows;
  Sums<kSums> sums{};
  if (group < groups && c < channels) {
    for (int64_t r = first + group; r < end; r += groups) {
      const Sums<kSums> terms = f(r * channels + c, c);
      for (int k = 0; k < kSums; ++k) sums.v[k] += terms.v[k];
    }
  }
  for (int k = 0; k < kSums; ++k) shared[k][threadIdx.x] = sums.v[k];
  for (int live = groups; live > 1;) {
    const int half = (live + 1) / 2;
    __syncthreads();
    if (group + half < live) {
      for (int k = 0; k < kSums; ++k) shared[k][threadIdx.x] += shared[k][threadIdx.x + half * width];
    }
    live = half;
  }
  if (group == 0 && c < channels) {
    for (int k = 0; k < kSums; ++k) sums.v[k] = shared[k][threadIdx.x];
    finish(blockIdx.x, c, sums);
  }
}
#endif

// What the first of two passes writes and the second one reads.
struct StorePart {
  double* parts;
  EBM_HD void operator()(int64_t i, double sum) const { parts[i] = sum; }
};
struct LoadPart {
  const double* parts;
  EBM_HD double operator()(int64_t i) const { return parts[i]; }
};
// Parts of columns: (blocks, channels) of Sums.
template <int kSums>
struct StoreColumnPart {
  Sums<kSums>* parts;
  int64_t channels;
  EBM_HD void operator()(int64_t block, int64_t c, const Sums<kSums>& sums) const {
    parts[block * channels + c] = sums;
  }
};
template <int kSums>
struct LoadColumnPart {
  const Sums<kSums>* parts;
  EBM_HD Sums<kSums> operator()(int64_t i, int64_t) const { return parts[i]; }
};
template <class Finish>
struct FinishColumn {
  Finish finish;
  template <int kSums>
  EBM_HD void operator()(int64_t, int64_t c, const Sums<kSums>& sums) const {
    finish(c, sums);
  }
};

namespace cpu {

template <class F, class Finish>
void reduce_rows(int64_t rows, int64_t n, const F& f, const Finish& finish) {
  constexpr int64_t kSpan = 8192;
  const int64_t parts = std::max<int64_t>((n + kSpan - 1) / kSpan, 1);
  Tensor scratch = double_scratch(rows * parts, kCpu);  // (rows, parts)
  double* sums = doubles(scratch);
  const F local = f;  // as in map(): out of reach of any pointer
#pragma omp parallel for schedule(static) firstprivate(local) if (rows * n >= kParallelGrain)
  for (int64_t p = 0; p < rows * parts; ++p) {
    const int64_t row = p / parts, first = p % parts * kSpan;
    const int64_t count = std::min(kSpan, n - first);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < count; ++j) sum += local(row * n + first + j);
    sums[p] = sum;
  }
  for (int64_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (int64_t part = 0; part < parts; ++part) sum += sums[row * parts + part];
    finish(row, sum);
  }
}

// sums[k][j] += term k of element first + j, for `count` elements; `channel` may be null: then c = c0 + j.
// The terms are written out by the pack k: with an inner loop over them this one does not vectorise.
template <int kTile, class F, int... k>
void add_terms(int64_t first, int64_t count, int64_t c0, const int32_t* channel, const F f,
               double (&sums)[sizeof...(k)][kTile], std::integer_sequence<int, k...>) {
  if (channel) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const auto terms = f(first + j, channel[j]);
      ((sums[k][j] += terms.v[k]), ...);
    }
  } else {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const auto terms = f(first + j, c0 + j);
      ((sums[k][j] += terms.v[k]), ...);
    }
  }
}

// The array is read as periods (kernels/map_channel_values.h) and cut into tiles of columns by blocks of periods.
template <int kSums, class F, class Finish>
void reduce_columns(int64_t rows, int64_t channels, const F& f, const Finish& finish) {
  constexpr int64_t kTile = 512, kBlockElements = 32768;
  const ChannelPeriod period(channels);
  const int64_t n = rows * channels, periods = (n + period.length - 1) / period.length;
  const int64_t tiles = (period.length + kTile - 1) / kTile;
  const int64_t block_periods = std::max<int64_t>(kBlockElements / std::min(period.length, kTile), 1);
  const int64_t blocks = std::max<int64_t>((periods + block_periods - 1) / block_periods, 1);
  Tensor scratch = double_scratch(blocks * kSums * period.length, kCpu);  // (blocks, kSums, length)
  double* parts = doubles(scratch);
#pragma omp parallel for schedule(static) collapse(2) if (n >= kParallelGrain)
  for (int64_t block = 0; block < blocks; ++block) {
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t c0 = tile * kTile, width = std::min(kTile, period.length - c0);
      double sums[kSums][kTile] = {};
      const int64_t last = std::min((block + 1) * block_periods, periods);
      for (int64_t p = block * block_periods; p < last; ++p) {
        const int64_t first = p * period.length + c0;
        add_terms<kTile>(first, std::min(width, n - first), c0, period.folds > 1 ? period.channel.data() : nullptr, f,
                         sums, std::make_integer_sequence<int, kSums>());
      }
      for (int k = 0; k < kSums; ++k) std::copy_n(sums[k], width, parts + (block * kSums + k) * period.length + c0);
    }
  }
#pragma omp parallel for schedule(static) if (channels * blocks >= kParallelGrain)
  for (int64_t c = 0; c < channels; ++c) {
    Sums<kSums> total{};
    for (int64_t block = 0; block < blocks; ++block) {
      for (int k = 0; k < kSums; ++k) {
        const double* part = parts + (block * kSums + k) * period.length;
        for (int64_t fold = 0; fold < period.folds; ++fold) total.v[k] += part[fold * channels + c];
      }
    }
    finish(c, total);
  }
}

}  // namespace cpu

#if defined(__CUDACC__)
namespace cuda {

template <class F, class Finish>
void reduce_rows(Device device, int64_t rows, int64_t n, const F& f, const Finish& finish) {
  constexpr int64_t kSpan = 16 * kReduceThreads;
  const int64_t parts = std::max<int64_t>((n + kSpan - 1) / kSpan, 1);
  const cudaStream_t stream = launch_stream(device);
  const auto blocks = [](int64_t count) { return static_cast<unsigned>(count); };
  if (parts == 1) {
    reduce_rows_kernel<<<blocks(rows), kReduceThreads, 0, stream>>>(n, 1, kSpan, f, finish);
    return check_launch<F>(device, "reduce_rows", {rows, n});
  }
  Tensor scratch = double_scratch(rows * parts, device);  // (rows, parts)
  double* sums = doubles(scratch);
  reduce_rows_kernel<<<blocks(rows * parts), kReduceThreads, 0, stream>>>(n, parts, kSpan, f, StorePart{sums});
  check_launch<F>(device, "pass 1 of reduce_rows", {rows, n});
  reduce_rows_kernel<<<blocks(rows), kReduceThreads, 0, stream>>>(parts, 1, parts, LoadPart{sums}, finish);
  check_launch<Finish>(device, "pass 2 of reduce_rows", {rows, parts});
}

template <int kSums, class F, class Finish>
void launch_columns(Device device, int64_t rows, int64_t channels, int64_t blocks, const F& f, const Finish& finish) {
  const int width = static_cast<int>(std::min<int64_t>(channels, kReduceThreads));
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>((channels + width - 1) / width));
  reduce_columns_kernel<kSums><<<grid, kReduceThreads, 0, launch_stream(device)>>>(
      rows, channels, (rows + blocks - 1) / blocks, width, kReduceThreads / width, f, finish);
  check_launch<F>(device, "reduce_columns", {rows, channels});
}

template <int kSums, class F, class Finish>
void reduce_columns(Device device, int64_t rows, int64_t channels, const F& f, const Finish& finish) {
  constexpr int64_t kRowsPerThread = 32, kMaxBlocks = 1024;
  const int64_t groups = std::max<int64_t>(kReduceThreads / channels, 1);
  const int64_t blocks = std::clamp<int64_t>(rows / (groups * kRowsPerThread), 1, kMaxBlocks);
  if (blocks == 1) return launch_columns<kSums>(device, rows, channels, 1, f, FinishColumn<Finish>{finish});
  Tensor scratch = double_scratch(blocks * channels * kSums, device);  // (blocks, channels, kSums)
  auto* parts = reinterpret_cast<Sums<kSums>*>(scratch.mutable_data());
  launch_columns<kSums>(device, rows, channels, blocks, f, StoreColumnPart<kSums>{parts, channels});
  launch_columns<kSums>(device, blocks, channels, 1, LoadColumnPart<kSums>{parts}, FinishColumn<Finish>{finish});
}

}  // namespace cuda
#endif

template <class F, class Finish>
void reduce_rows(Device device, int64_t rows, int64_t n, const F& f, const Finish& finish) {
  if (rows == 0) return;
  if (!device.is_cuda()) return cpu::reduce_rows(rows, n, f, finish);
#if defined(__CUDACC__)
  cuda::reduce_rows(device, rows, n, f, finish);
#else
  EBM_FAIL("reduce_rows", to_string(device), "a build with CUDA");
#endif
}

template <int kSums, class F, class Finish>
void reduce_columns(Device device, int64_t rows, int64_t channels, const F& f, const Finish& finish) {
  if (channels == 0) return;
  if (!device.is_cuda()) return cpu::reduce_columns<kSums>(rows, channels, f, finish);
#if defined(__CUDACC__)
  cuda::reduce_columns<kSums>(device, rows, channels, f, finish);
#else
  EBM_FAIL("reduce_columns", to_string(device), "a build with CUDA");
#endif
}

}  // namespace ebm
