#include "kernels/chain/langevin_conv.h"

#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include "core/check.h"
#include "kernels/chain/langevin_conv_tile.h"
#include "kernels/launch.h"

namespace ebm {
namespace {

constexpr int kThreads = 256;               // of a block, about
constexpr int kMostThreads = 512;           // so that each may use 128 registers
constexpr int64_t kMemoryLimit = 48 << 10;  // bytes of shared memory that any launch may ask for

#if defined(__CUDACC__)
template <int kStride, int kChannels, class Map>
__global__ void __launch_bounds__(kMostThreads) conv_step_kernel(ConvStep<kStride, kChannels, Map> step) {
  extern __shared__ Quad memory[];
  const int band = static_cast<int>(blockIdx.x % step.t.bands()), thread = static_cast<int>(threadIdx.x);
  const int64_t image = blockIdx.x / step.t.bands();
  typename ConvStep<kStride, kChannels, Map>::Sums sums;
  for (int k0 = 0; k0 < step.t.k; k0 += kChunk) {
    step.load(memory, image, band, k0, thread);
    __syncthreads();
    step.accumulate(memory, thread, sums);
    __syncthreads();
  }
  step.put(reinterpret_cast<float*>(memory), image, band, thread, sums);
  step.key.load();
  __syncthreads();
  step.update(memory, image, band, thread);
}
#endif

// The same block on the CPU: each phase for all threads, then the next.
template <class Step>
void run_on_cpu(int64_t images, Step step) {
  step.key.load();
  const int64_t blocks = images * step.t.bands();
#pragma omp parallel
  {
    std::vector<Quad> memory(Step::memory_quads(step.t));
    std::vector<typename Step::Sums> sums(step.t.threads());
#pragma omp for schedule(static)
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t image = block / step.t.bands();
      const int band = static_cast<int>(block % step.t.bands()), threads = step.t.threads();
      std::fill(sums.begin(), sums.end(), typename Step::Sums{});
      for (int k0 = 0; k0 < step.t.k; k0 += kChunk) {
        for (int thread = 0; thread < threads; ++thread) step.load(memory.data(), image, band, k0, thread);
        for (int thread = 0; thread < threads; ++thread) step.accumulate(memory.data(), thread, sums[thread]);
      }
      for (int thread = 0; thread < threads; ++thread) {
        step.put(reinterpret_cast<float*>(memory.data()), image, band, thread, sums[thread]);
      }
      for (int thread = 0; thread < threads; ++thread) step.update(memory.data(), image, band, thread);
    }
  }
}

template <int kStride, int kChannels, class Map>
void run(Device device, int64_t images, const ConvStep<kStride, kChannels, Map>& step) {
  if (device.is_cuda()) {
#if defined(__CUDACC__)
    const int bytes = step.memory_quads(step.t) * static_cast<int>(sizeof(Quad));
    const int64_t blocks = images * step.t.bands();
    conv_step_kernel<<<static_cast<unsigned>(blocks), step.t.threads(), bytes, launch_stream(device)>>>(step);
    check_launch<ConvStep<kStride, kChannels, Map>>(device, "langevin_step_conv",
                                                    {images, step.t.h, step.t.w, kChannels});
#else
    EBM_FAIL("langevin_step_conv", to_string(device), "a build with CUDA");
#endif
  } else {
    run_on_cpu(images, step);
  }
}

int64_t memory_bytes(const ConvStepTile& tile, int stride, int64_t channels) {
  const int quads = stride == 1 && channels == 1 ? ConvStep<1, 1, float>::memory_quads(tile)
                    : stride == 1                ? ConvStep<1, 3, float>::memory_quads(tile)
                    : channels == 1              ? ConvStep<2, 1, float>::memory_quads(tile)
                                                 : ConvStep<2, 3, float>::memory_quads(tile);
  return quads * static_cast<int64_t>(sizeof(Quad));
}

// Bands of as many patch rows as make a block of about kThreads threads and fit in its memory; rows 0: none do.
ConvStepTile tile_for(const Shape& x, const Shape& w, const ConvGeometry& g) {
  const Shape y = conv2d_shape(x, w, g);
  const int stride = g.stride_h;
  ConvStepTile t{};
  t.h = static_cast<int>(x[1]), t.w = static_cast<int>(x[2]);
  t.p = static_cast<int>(y[1]), t.q = static_cast<int>(y[2]);
  t.k = static_cast<int>(w[0]), t.r = static_cast<int>(w[1]), t.s = static_cast<int>(w[2]);
  t.before_h = g.pad_h.before, t.before_w = g.pad_w.before;
  t.first_u = t.before_h / stride, t.first_v = t.before_w / stride;
  t.patch_rows = (t.h - 1 + t.before_h) / stride - t.first_u + 1;
  const int patch_columns = (t.w - 1 + t.before_w) / stride - t.first_v + 1;
  t.groups = (patch_columns + kPatches - 1) / kPatches;
  t.taps_h = (t.r + stride - 1) / stride, t.taps_w = (t.s + stride - 1) / stride;
  if (t.groups * kLanes > kMostThreads) return t;
  t.rows = std::clamp(kThreads / (t.groups * kLanes), 1, t.patch_rows);
  while (t.rows > 0 && memory_bytes(t, stride, x[3]) > kMemoryLimit) --t.rows;
  return t;
}

template <class Map>
const Map* elements(const Tensor& map) {
  if (!map.defined()) return nullptr;
  if constexpr (std::is_same_v<Map, Bf16>)
    return map.bf16_data();
  else
    return map.data();
}

std::optional<bool> preference_of_environment() {
  const char* setting = std::getenv("EBM_FUSED_STEP");
  if (setting == nullptr) return std::nullopt;
  const std::string text = setting;
  EBM_CHECK(text == "0" || text == "1", "EBM_FUSED_STEP", "\"" + text + "\"", "0 or 1");
  return text == "1";
}

std::optional<bool>& preference() {
  static std::optional<bool> preferred = preference_of_environment();
  return preferred;
}

}  // namespace

bool langevin_step_conv_applies(const Shape& x, const Shape& w, const ConvGeometry& g) {
  return (x[3] == 1 || x[3] == 3) && (g.stride_h == 1 || g.stride_h == 2) && g.stride_w == g.stride_h &&
         w[0] % 4 == 0 && tile_for(x, w, g).rows > 0;
}

void langevin_step_conv(Tensor& x, const Tensor& df_dh, const LeakyMask& mask, const Tensor& w, const ConvGeometry& g,
                        const LangevinStep& step, const RandomKey& key, uint64_t first_element, Tensor* rounded) {
  constexpr const char* kOp = "langevin_step_conv";
  const Shape h_shape = conv2d_shape(x.shape(), w.shape(), g);
  check_shape(kOp, "df_dh", df_dh, h_shape);
  check_same_device(kOp, x, df_dh);
  check_same_device(kOp, x, w);
  EBM_CHECK(langevin_step_conv_applies(x.shape(), w.shape(), g), kOp,
            "x " + to_string(x.shape()) + ", w " + to_string(w.shape()), "a layer that it applies to");
  if (mask.y.defined()) {
    check_shape(kOp, "the mask", mask.y, h_shape);
    check_same_device(kOp, x, mask.y);
  }
  if (rounded) check_same_shape(kOp, x, *rounded);
  if (x.size() == 0) return;
  const Tensor dy = aligned(df_dh), y = aligned(mask.y);  // quads are read of them
  float* const pixels = x.mutable_data();
  Bf16* const rounded_pixels = rounded ? rounded->mutable_bf16_data() : nullptr;
  const auto run_with = [&]<int kStride, int kChannels, class Map>() {
    const ConvStep<kStride, kChannels, Map> all{tile_for(x.shape(), w.shape(), g),
                                                pixels,
                                                rounded_pixels,
                                                elements<Map>(dy),
                                                elements<Map>(y),
                                                mask.negative_slope,
                                                w.data(),
                                                step.unclamped_as_infinite(),
                                                key,
                                                first_element,
                                                precision()};
    run(x.device(), x.extent(0), all);
  };
  const auto run_on = [&]<class Map>() {
    if (g.stride_h == 1 && x.extent(3) == 1) return run_with.template operator()<1, 1, Map>();
    if (g.stride_h == 1) return run_with.template operator()<1, 3, Map>();
    if (x.extent(3) == 1) return run_with.template operator()<2, 1, Map>();
    run_with.template operator()<2, 3, Map>();
  };
  if (dy.type() == ElementType::bf16)
    run_on.template operator()<Bf16>();
  else
    run_on.template operator()<float>();
}

bool prefer_langevin_step_conv(Device device, const Shape& x, const Shape& w, const ConvGeometry& geometry) {
  return preference().value_or(device.is_cuda()) && langevin_step_conv_applies(x, w, geometry);
}

void force_langevin_step_conv(std::optional<bool> preferred) {
  preference() = preferred ? preferred : preference_of_environment();
}

}  // namespace ebm
