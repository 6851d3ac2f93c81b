// A convolution and what follows it in one kernel, by cuDNN's graph API:
//   forward          y = leaky_relu(conv(x, w) + b)
//   backward data    dx = conv2d_backward_data(dy, w) · leaky_relu'(mask)
//   backward weight  dw = conv2d_backward_weight(x, dy)
// b, the leaky ReLU and the mask are left out where there is none. Whether cuDNN has an engine for such a
// graph depends on the GPU, the shapes and the operands' type; where it has none the caller uses the older API
// (conv_cuda.cpp). Unlike that one it takes uneven padding as it is, and an output wider than its operands.
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

struct GraphConvProblem {
  Direction direction;
  Device device;
  Shape x, w, y;  // (N,H,W,C), (K,R,S,C), (N,P,Q,K)
  ConvGeometry geometry;
  bool has_third;         // forward: the bias; backward data: the mask
  float negative_slope;   // of the leaky ReLU or of the mask's; 1: no leaky ReLU behind a forward convolution
  Precision precision;
  cudnnDataType_t operands = CUDNN_DATA_FLOAT;  // how the two factors are stored: this or CUDNN_DATA_BFLOAT16
};

// The graph of a problem, and what its operations consist of. Needs no GPU with handle nullptr.
std::vector<GraphDescriptor> make_graph(const GraphConvProblem& problem, cudnnHandle_t handle);

// The engines for a graph that give the same bits every time and keep the problem's precision, in the order
// of cuDNN's heuristic. Without a handle in the graph, `chip` says for which GPU: its device properties.
std::vector<GraphDescriptor> find_engines(const GraphConvProblem& problem, const GraphDescriptor& graph,
                                          const GraphDescriptor* chip = nullptr);

// Factors a, b: forward x, w; backward data dy, w; backward weight x, dy. third: bias, mask or undefined. All
// are fp32 tensors, 16-byte aligned, but a and b need not be where the operands are bf16, to which they are
// rounded here. False, and out untouched, if cuDNN has no engine for the problem: decided once, at its first
// call.
bool run_graph_conv(const GraphConvProblem& problem, const Tensor& a, const Tensor& b, const Tensor& third,
                    Tensor& out);

}  // namespace ebm::cuda
