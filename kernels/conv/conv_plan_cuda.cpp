#include "kernels/conv/conv_plan_cuda.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/check.h"
#include "core/cuda.h"
#include "core/deterministic.h"

namespace ebm::cuda {
namespace {

constexpr int kMaxCandidates = 16;  // more than there are algorithms

using PlanKey = std::array<int64_t, 19>;

PlanKey key_of(const ConvProblem& p) {
  PlanKey key{static_cast<int64_t>(p.direction),
              p.device.index,
              static_cast<int64_t>(p.precision),
              p.stride_h,
              p.stride_w,
              p.pad_h,
              p.pad_w};
  size_t next = 7;
  for (const Shape* shape : {&p.x, &p.w, &p.y})
    for (int i = 0; i < 4; ++i) key[next++] = (*shape)[i];
  return key;
}

void describe(const TensorDescriptor& descriptor, const Shape& s) {  // (N,H,W,C)
  check(cudnnSetTensor4dDescriptor(descriptor, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, static_cast<int>(s[0]),
                                   static_cast<int>(s[3]), static_cast<int>(s[1]), static_cast<int>(s[2])),
        "cudnnSetTensor4dDescriptor");
}

// The heuristic's answers that fit the workspace limit, in its order, but those that give the same bits
// every time first: a resumed run has to repeat the one that was cut off. With deterministic() those alone.
template <class Perf>
std::vector<Candidate> usable(Direction direction, const std::array<Perf, kMaxCandidates>& results, int count) {
  std::vector<Candidate> candidates;
  for (const bool same_bits : {true, false}) {
    if (!same_bits && deterministic()) break;
    for (int i = 0; i < count; ++i) {
      const Perf& result = results[i];
      if (result.status != CUDNN_STATUS_SUCCESS || result.memory > kWorkspaceLimit) continue;
      if (transforms_factors(direction, static_cast<int>(result.algo))) continue;
      if ((result.determinism == CUDNN_DETERMINISTIC) != same_bits) continue;
      candidates.push_back({static_cast<int>(result.algo), result.memory, result.mathType, same_bits});
    }
  }
  return candidates;
}

std::vector<Candidate> ask_heuristic(cudnnHandle_t handle, Direction direction, const ConvPlan& p) {
  int count = 0;
  switch (direction) {
    case Direction::forward: {
      std::array<cudnnConvolutionFwdAlgoPerf_t, kMaxCandidates> results;
      check(
          cudnnGetConvolutionForwardAlgorithm_v7(handle, p.x, p.w, p.conv, p.y, kMaxCandidates, &count, results.data()),
          "cudnnGetConvolutionForwardAlgorithm_v7");
      return usable(direction, results, count);
    }
    case Direction::backward_data: {
      std::array<cudnnConvolutionBwdDataAlgoPerf_t, kMaxCandidates> results;
      check(cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, p.w, p.y, p.conv, p.x, kMaxCandidates, &count,
                                                        results.data()),
            "cudnnGetConvolutionBackwardDataAlgorithm_v7");
      return usable(direction, results, count);
    }
    case Direction::backward_weight: {
      std::array<cudnnConvolutionBwdFilterAlgoPerf_t, kMaxCandidates> results;
      check(cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, p.x, p.y, p.conv, p.w, kMaxCandidates, &count,
                                                          results.data()),
            "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
      return usable(direction, results, count);
    }
  }
  return {};
}

std::unique_ptr<ConvPlan> make_plan(cudnnHandle_t handle, const ConvProblem& problem) {
  auto plan = std::make_unique<ConvPlan>();
  describe(plan->x, problem.x);
  describe(plan->y, problem.y);
  const Shape& w = problem.w;  // (K,R,S,C)
  check(cudnnSetFilter4dDescriptor(plan->w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, static_cast<int>(w[0]),
                                   static_cast<int>(w[3]), static_cast<int>(w[1]), static_cast<int>(w[2])),
        "cudnnSetFilter4dDescriptor");
  check(cudnnSetConvolution2dDescriptor(plan->conv, problem.pad_h, problem.pad_w, problem.stride_h, problem.stride_w, 1,
                                        1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
        "cudnnSetConvolution2dDescriptor");
  // CUDNN_DEFAULT_MATH lets cuDNN multiply fp32 tensors as TF32, as PyTorch has it; whether every algorithm does so is
  // not known. fp32 itself has to be asked for.
  const auto math = problem.precision == Precision::fp32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
  check(cudnnSetConvolutionMathType(plan->conv, math), "cudnnSetConvolutionMathType");
  plan->candidates = ask_heuristic(handle, problem.direction, *plan);
  if (problem.precision == Precision::fp32) {
    for (Candidate& candidate : plan->candidates) candidate.math = CUDNN_FMA_MATH;
  }
  return plan;
}

// cuDNN's handle of one device and the plans made with it.
struct DeviceState {
  std::mutex mutex;
  cudnnHandle_t handle = nullptr;
  std::map<PlanKey, std::unique_ptr<ConvPlan>> plans;
};

// Kept until the process ends, like the streams that the handles hold.
DeviceState& state_of(int device) {
  static std::mutex mutex;
  static auto* states = new std::map<int, DeviceState>;
  std::lock_guard lock(mutex);
  return (*states)[device];
}

}  // namespace

bool transforms_factors(Direction direction, int algorithm) {
  switch (direction) {
    case Direction::forward:
      return algorithm == CUDNN_CONVOLUTION_FWD_ALGO_FFT || algorithm == CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING ||
             algorithm == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD ||
             algorithm == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED;
    case Direction::backward_data:
      return algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT ||
             algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING ||
             algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD ||
             algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED;
    case Direction::backward_weight:
      return algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT ||
             algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT_TILING ||
             algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD ||
             algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED;
  }
  return false;
}

std::string last_cudnn_error() {
  char text[256] = "";
  cudnnGetLastErrorString(text, sizeof(text));
  return text[0] ? std::string(" (") + text + ")" : "";
}

void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  EBM_FAIL(call, cudnnGetErrorString(status) + last_cudnn_error(), "CUDNN_STATUS_SUCCESS");
}

namespace {
thread_local Candidate noted{};
}

void note_library_algorithm(const Candidate& candidate) { noted = candidate; }

std::string last_library_algorithm() {
  return "algorithm " + std::to_string(noted.algorithm) + (noted.deterministic ? "" : ", not deterministic");
}

SymmetricPadding symmetric_padding(int64_t in, int64_t kernel, int64_t out, int stride, Padding pad) {
  // Windows start `before` above the image in any case; how far the zeros reach below it only matters as
  // far as the last window does.
  const int64_t room = in + 2 * pad.before - kernel;
  if (room >= 0 && room / stride + 1 == out) return {pad.before, {}};
  const int64_t reach = (out - 1) * stride + kernel - pad.before - in;
  return {0, {pad.before, static_cast<int>(std::max<int64_t>(reach, 0))}};
}

CudnnHandle open_handle(Device device) {
  DeviceState& state = state_of(device.index);
  std::unique_lock lock(state.mutex);
  const auto compute_stream = static_cast<cudaStream_t>(stream(device.index));
  if (!state.handle) {
    check(cudnnCreate(&state.handle), "cudnnCreate");
    check(cudnnSetStream(state.handle, compute_stream), "cudnnSetStream");
  }
  return {std::move(lock), state.handle};
}

CudnnSession open_session(const ConvProblem& problem) {
  CudnnHandle open = open_handle(problem.device);
  std::unique_ptr<ConvPlan>& plan = state_of(problem.device.index).plans[key_of(problem)];
  if (!plan) {
    try {
      plan = make_plan(open.handle, problem);
    } catch (const Error& e) {
      EBM_FAIL(e.op() + " of x " + to_string(problem.x) + ", w " + to_string(problem.w) + ", y " + to_string(problem.y),
               e.received(), "CUDNN_STATUS_SUCCESS");
    }
  }
  return {std::move(open.lock), open.handle, *plan};
}

}  // namespace ebm::cuda
