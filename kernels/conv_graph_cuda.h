// A convolution with its activation in one kernel, by cuDNN's graph API:
//   forward        y = leaky_relu(conv(x, w) + b)
//   backward data  dx = conv2d_backward_data(dy, w) · leaky_relu'(mask)
// Whether cuDNN has an engine for such a graph depends on the GPU and the shapes; where it has none the
// caller runs two kernels (conv_cuda.cpp). Unlike the older API it takes uneven padding as it is.
#pragma once

#include <cudnn.h>

#include <memory>
#include <utility>
#include <vector>

#include "core/precision.h"
#include "kernels/conv_plan_cuda.h"

namespace ebm::cuda {

// A descriptor of the graph API; destroyed with this.
class GraphDescriptor {
 public:
  explicit GraphDescriptor(cudnnBackendDescriptorType_t type);
  ~GraphDescriptor();
  GraphDescriptor(GraphDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  GraphDescriptor(const GraphDescriptor&) = delete;
  GraphDescriptor& operator=(const GraphDescriptor&) = delete;

  // Throws Error if cuDNN refuses the attribute.
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const std::vector<T>& values) {
    set_values(name, type, static_cast<int64_t>(values.size()), values.data());
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, T value) {
    set_values(name, type, 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, const GraphDescriptor& value) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.get());
  }
  void finalize();
  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(descriptor_); }
  cudnnBackendDescriptor_t get() const { return descriptor_; }

 private:
  void set_values(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                  const void* values);

  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

struct FusedConvProblem {
  Direction direction;  // forward or backward_data
  Device device;
  Shape x, w, y;  // (N,H,W,C), (K,R,S,C), (N,P,Q,K)
  ConvGeometry geometry;
  bool has_bias;  // forward only
  float negative_slope;
  Precision precision;
};

// The graph of a problem, and what its operations consist of. Needs no GPU with handle nullptr.
std::vector<GraphDescriptor> make_graph(const FusedConvProblem& problem, cudnnHandle_t handle);

// Operands: forward x, w, bias or nullptr, y; backward data dy, w, mask, dx; all 16-byte aligned. False, and
// nothing done, if cuDNN has no engine for the problem.
bool run_fused_conv(const FusedConvProblem& problem, const float* a, const float* w, const float* third,
                    float* out);

}  // namespace ebm::cuda
