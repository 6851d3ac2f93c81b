// cuDNN's older convolutions, as far as kernels/conv/conv_plan_cuda.cpp and conv_cuda.cpp call them, on the host.
#include <cudnn.h>

#include <cstring>

#include "convolution.h"
#include "cudnn_handle.h"
#include "device.h"
#include "streams.h"

namespace host_gpu {
namespace {

struct Handle {
  cudaStream_t stream;
};
struct Extents {
  int n, c, h, w;
};
struct Settings {
  int pad_h, pad_w, stride_h, stride_w;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;

  int out(int in, int kernel, int pad, int stride) const { return (in + 2 * pad - kernel) / stride + 1; }
  int out_h(const Extents& x, const Extents& filter) const { return out(x.h, filter.h, pad_h, stride_h); }
  int out_w(const Extents& x, const Extents& filter) const { return out(x.w, filter.w, pad_w, stride_w); }
};

template <class T, class Descriptor>
T& from(Descriptor d) {
  return *reinterpret_cast<T*>(d);
}
template <class T, class Descriptor>
cudnnStatus_t create(Descriptor* d) {
  *d = reinterpret_cast<Descriptor>(new T{});
  return CUDNN_STATUS_SUCCESS;
}
template <class T, class Descriptor>
cudnnStatus_t destroy(Descriptor d) {
  delete reinterpret_cast<T*>(d);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set(Extents& to, cudnnTensorFormat_t format, cudnnDataType_t type, const Extents& extents) {
  if (format != CUDNN_TENSOR_NHWC || type != CUDNN_DATA_FLOAT) return CUDNN_STATUS_NOT_SUPPORTED;
  to = extents;
  return CUDNN_STATUS_SUCCESS;
}

// What the heuristic may answer: one that transforms its factors, which nobody may take, one that it promises and that
// then refuses to run (told by its workspace), one that wants more memory than anyone gives, and one whose bits are not
// the same every time. 5 is such an algorithm in each direction, 0 and 1 are none.
constexpr int kTransforms = 5;
static_assert(kTransforms == CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING &&
              kTransforms == CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED &&
              kTransforms == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED);
constexpr size_t kRefuses = 2 * kConvolutionWorkspace;
template <class Perf>
cudnnStatus_t answer(const Settings& settings, int most, int* count, Perf* results) {
  struct Answer {
    int algorithm;
    cudnnDeterminism_t determinism;
    cudnnStatus_t status;
    size_t memory;
  };
  constexpr Answer answers[] = {{kTransforms, CUDNN_DETERMINISTIC, CUDNN_STATUS_SUCCESS, kConvolutionWorkspace},
                                {0, CUDNN_NON_DETERMINISTIC, CUDNN_STATUS_SUCCESS, kConvolutionWorkspace},
                                {1, CUDNN_DETERMINISTIC, CUDNN_STATUS_NOT_SUPPORTED, 0},
                                {1, CUDNN_DETERMINISTIC, CUDNN_STATUS_SUCCESS, size_t{8} << 30},
                                {1, CUDNN_DETERMINISTIC, CUDNN_STATUS_SUCCESS, kRefuses},
                                {1, CUDNN_DETERMINISTIC, CUDNN_STATUS_SUCCESS, kConvolutionWorkspace}};
  *count = 0;
  for (const Answer& a : answers) {
    if (*count == most) break;
    Perf& result = results[(*count)++];
    result = {};
    result.algo = static_cast<decltype(result.algo)>(a.algorithm);
    result.status = a.status;
    result.determinism = a.determinism;
    result.memory = a.memory;
    result.mathType = settings.math;
  }
  return CUDNN_STATUS_SUCCESS;
}

using Loops = void (Convolution::*)(const float*, const float*, float*) const;

struct Operand {
  const void* memory;
  uint64_t size;
};

cudnnStatus_t run(cudnnHandle_t handle, const Settings& settings, const Extents& x, const Extents& filter,
                  const Extents& y, Loops loops, const Operand& a, const Operand& b, void* out, uint64_t out_size,
                  int algorithm, void* workspace, size_t workspace_bytes, const void* beta) {
  if (algorithm == kTransforms) fail("a convolution by an algorithm that transforms its factors");
  if (workspace_bytes == kRefuses) return CUDNN_STATUS_NOT_SUPPORTED;
  const bool fits = x.n == y.n && x.c == filter.c && y.c == filter.n && settings.out_h(x, filter) == y.h &&
                    settings.out_w(x, filter) == y.w;
  bool aligned = reinterpret_cast<uintptr_t>(out) % 16 == 0;
  for (const Operand& operand : {a, b}) aligned = aligned && reinterpret_cast<uintptr_t>(operand.memory) % 16 == 0;
  if (!fits || !aligned || workspace_bytes < kConvolutionWorkspace || *static_cast<const float*>(beta) != 0)
    return CUDNN_STATUS_BAD_PARAM;
  const Convolution c{x.n,
                      x.h,
                      x.w,
                      x.c,
                      filter.n,
                      filter.h,
                      filter.w,
                      y.h,
                      y.w,
                      settings.stride_h,
                      settings.stride_w,
                      settings.pad_h,
                      settings.pad_w};
  const int bits = settings.math == CUDNN_FMA_MATH ? kFp32 : kTf32;
  enqueue_kernel(stream_of(handle), [=] {
    constexpr const char* kWho = "a convolution";
    std::memset(checked_view(workspace, workspace_bytes, kWho), 0x7f, workspace_bytes);
    const auto read = [&](const Operand& o) {
      return rounded(bits, reinterpret_cast<const float*>(checked_view(o.memory, o.size * sizeof(float), kWho)),
                     o.size);
    };
    (c.*loops)(read(a).data(), read(b).data(),
               reinterpret_cast<float*>(checked_view(out, out_size * sizeof(float), kWho)));
  });
  return CUDNN_STATUS_SUCCESS;
}

uint64_t size_of(const Extents& e) { return uint64_t(e.n) * e.c * e.h * e.w; }

}  // namespace

cudaStream_t stream_of(cudnnHandle_t handle) { return from<Handle>(handle).stream; }

}  // namespace host_gpu

using namespace host_gpu;

extern "C" {

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) { return create<Handle>(handle); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  from<Handle>(handle).stream = stream;
  return CUDNN_STATUS_SUCCESS;
}
size_t cudnnGetVersion() { return CUDNN_VERSION; }
const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_SUCCESS ? "CUDNN_STATUS_SUCCESS" : "refused by the host's cuDNN";
}
void cudnnGetLastErrorString(char* text, size_t size) {
  if (size > 0) text[0] = '\0';
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* d) { return create<Extents>(d); }
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) { return destroy<Extents>(d); }
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type,
                                         int n, int c, int h, int w) {
  return set(from<Extents>(d), format, type, {n, c, h, w});
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* d) { return create<Extents>(d); }
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d) { return destroy<Extents>(d); }
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format,
                                         int k, int c, int h, int w) {
  return set(from<Extents>(d), format, type, {k, c, h, w});
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* d) { return create<Settings>(d); }
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d) { return destroy<Settings>(d); }
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w, int stride_h,
                                              int stride_w, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  if (dilation_h != 1 || dilation_w != 1 || mode != CUDNN_CROSS_CORRELATION || type != CUDNN_DATA_FLOAT)
    return CUDNN_STATUS_NOT_SUPPORTED;
  from<Settings>(d) = {pad_h, pad_w, stride_h, stride_w};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math) {
  from<Settings>(d).math = math;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetConvolution2dForwardOutputDim(const cudnnConvolutionDescriptor_t d,
                                                    const cudnnTensorDescriptor_t x,
                                                    const cudnnFilterDescriptor_t filter, int* n, int* c, int* h,
                                                    int* w) {
  const Settings& settings = from<Settings>(d);
  *n = from<Extents>(x).n, *c = from<Extents>(filter).n;
  *h = settings.out_h(from<Extents>(x), from<Extents>(filter));
  *w = settings.out_w(from<Extents>(x), from<Extents>(filter));
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                     const cudnnFilterDescriptor_t,
                                                     const cudnnConvolutionDescriptor_t d,
                                                     const cudnnTensorDescriptor_t, const int most, int* count,
                                                     cudnnConvolutionFwdAlgoPerf_t* results) {
  return answer(from<Settings>(d), most, count, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, const cudnnFilterDescriptor_t,
                                                          const cudnnTensorDescriptor_t,
                                                          const cudnnConvolutionDescriptor_t d,
                                                          const cudnnTensorDescriptor_t, const int most, int* count,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* results) {
  return answer(from<Settings>(d), most, count, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                            const cudnnTensorDescriptor_t,
                                                            const cudnnConvolutionDescriptor_t d,
                                                            const cudnnFilterDescriptor_t, const int most, int* count,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  return answer(from<Settings>(d), most, count, results);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void*, const cudnnTensorDescriptor_t x_desc,
                                      const void* x, const cudnnFilterDescriptor_t w_desc, const void* w,
                                      const cudnnConvolutionDescriptor_t d, cudnnConvolutionFwdAlgo_t algorithm,
                                      void* workspace, size_t workspace_bytes, const void* beta,
                                      const cudnnTensorDescriptor_t y_desc, void* y) {
  const Extents &ex = from<Extents>(x_desc), &ew = from<Extents>(w_desc), &ey = from<Extents>(y_desc);
  return run(handle, from<Settings>(d), ex, ew, ey, &Convolution::forward, {x, size_of(ex)}, {w, size_of(ew)}, y,
             size_of(ey), algorithm, workspace, workspace_bytes, beta);
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void*, const cudnnFilterDescriptor_t w_desc,
                                           const void* w, const cudnnTensorDescriptor_t dy_desc, const void* dy,
                                           const cudnnConvolutionDescriptor_t d,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace,
                                           size_t workspace_bytes, const void* beta,
                                           const cudnnTensorDescriptor_t dx_desc, void* dx) {
  const Extents &ex = from<Extents>(dx_desc), &ew = from<Extents>(w_desc), &ey = from<Extents>(dy_desc);
  return run(handle, from<Settings>(d), ex, ew, ey, &Convolution::backward_data, {dy, size_of(ey)}, {w, size_of(ew)},
             dx, size_of(ex), algorithm, workspace, workspace_bytes, beta);
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void*, const cudnnTensorDescriptor_t x_desc,
                                             const void* x, const cudnnTensorDescriptor_t dy_desc, const void* dy,
                                             const cudnnConvolutionDescriptor_t d,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             size_t workspace_bytes, const void* beta,
                                             const cudnnFilterDescriptor_t dw_desc, void* dw) {
  const Extents &ex = from<Extents>(x_desc), &ew = from<Extents>(dw_desc), &ey = from<Extents>(dy_desc);
  return run(handle, from<Settings>(d), ex, ew, ey, &Convolution::backward_weight, {x, size_of(ex)}, {dy, size_of(ey)},
             dw, size_of(ew), algorithm, workspace, workspace_bytes, beta);
}

}  // extern "C"
