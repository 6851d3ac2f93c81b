// How cuDNN computes one convolution: descriptors and algorithms for a shape, direction and precision,
// made once and kept (conv_plan_cuda.cpp).
#pragma once

#include <cudnn.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/precision.h"
#include "kernels/conv/conv.h"

namespace ebm::cuda {

inline constexpr size_t kWorkspaceLimit = size_t{512} << 20;  // bytes that a convolution may have beside its operands

void check(cudnnStatus_t status, const char* call);
// cuDNN's last error in words, as in " (…)"; "" where it has none.
std::string last_cudnn_error();

// Creates a cuDNN descriptor and destroys it.
template <class T, cudnnStatus_t (*kCreate)(T*), cudnnStatus_t (*kDestroy)(T)>
class Descriptor {
 public:
  Descriptor() { check(kCreate(&descriptor_), "a cudnnCreate...Descriptor"); }
  ~Descriptor() { kDestroy(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator T() const { return descriptor_; }

 private:
  T descriptor_ = nullptr;
};
using TensorDescriptor = Descriptor<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using FilterDescriptor = Descriptor<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using ConvDescriptor =
    Descriptor<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;

enum class Direction { forward, backward_data, backward_weight };

// cuDNN pads by the same amount before and after. Where that does not give the wanted output, the image
// is given a border of its own: `extra` zeros around x, none by cuDNN.
struct SymmetricPadding {
  int symmetric = 0;  // left to cuDNN
  Padding extra;      // done by hand
};
SymmetricPadding symmetric_padding(int64_t in, int64_t kernel, int64_t out, int stride, Padding pad);

// One convolution as cuDNN sees it.
struct ConvProblem {
  Direction direction;
  Device device;
  Shape x, w, y;  // (N,H,W,C), extra padding included; (K,R,S,C); (N,P,Q,K)
  int stride_h, stride_w, pad_h, pad_w;
  Precision precision;
};

// Whether an algorithm of the older API transforms its factors before it multiplies them: FFT and Winograd. None of
// them is taken. fp32 is held to 1e-5 of the largest output (tests/kernels/conv/conv_device_test.cpp), which differences of
// transformed numbers may miss. On tensor cores the transformed factors would be rounded, in bf16 factors that were
// exact, and the way back makes those errors larger than what `ebm precision` counts with; without tensor cores such
// an algorithm gains nothing, as they are some 7 times as fast as the fp32 units, on which Winograd saves at most
// three products of four.
bool transforms_factors(Direction direction, int algorithm);

struct Candidate {
  int algorithm;  // a cudnnConvolution{Fwd,BwdData,BwdFilter}Algo_t
  size_t workspace;
  cudnnMathType_t math;
  bool deterministic;
};

struct ConvPlan {
  TensorDescriptor x, y;
  FilterDescriptor w;
  ConvDescriptor conv;
  std::vector<Candidate> candidates;  // best first
  size_t chosen = 0;                  // moves on when a candidate turns out not to run
};

// The algorithm of this thread's last convolution by the older API: "algorithm 1", "algorithm 0, not deterministic".
void note_library_algorithm(const Candidate& candidate);
std::string last_library_algorithm();

// cuDNN's handle of one device; the lock is held while it is in use.
struct CudnnHandle {
  std::unique_lock<std::mutex> lock;
  cudnnHandle_t handle;
};
CudnnHandle open_handle(Device device);

// The same with a plan; the lock is held while it is in use.
struct CudnnSession {
  std::unique_lock<std::mutex> lock;
  cudnnHandle_t handle;
  ConvPlan& plan;
};
CudnnSession open_session(const ConvProblem& problem);

}  // namespace ebm::cuda
