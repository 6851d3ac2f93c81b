// A convolution and what follows it in one kernel, by cuDNN's graph API:
//   forward          s = conv(x, w)
//   backward data    s = conv2d_backward_data(dy, w)
//   backward weight  s = conv2d_backward_weight(x, dy)
// and of s one of: leaky_relu(s + b), b and the leaky ReLU being left out where there is none; s · leaky_relu'(mask). Whether cuDNN has an engine for such a
// graph depends on the GPU, the shapes and the tensors' types. Unlike the older API a graph takes uneven padding as it
// is, and a result wider than its factors.
#pragma once

#include <cudnn.h>

#include <string>
#include <utility>
#include <vector>

#include "core/precision.h"
#include "kernels/conv/conv_plan_cuda.h"

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

// The operand of what follows a convolution: a bias is fp32, a mask stored as the result is.
enum class Third { none, bias, mask };

// What a graph computes, and the key under which a way to compute it is chosen (conv_ways_cuda.h).
struct GraphConvProblem {
  Direction direction;
  Device device;
  Shape x, w, y;  // (N,H,W,C), (K,R,S,C), (N,P,Q,K)
  ConvGeometry geometry;
  Third third;
  float negative_slope;  // of the leaky ReLU or of the mask's; 1: none
  Precision precision;
  ElementType factors = ElementType::fp32, result = ElementType::fp32;  // how the tensors are stored

  // Without what follows the convolution: the same problem for an engine that does the convolution alone.
  GraphConvProblem alone() const;
  bool is_alone() const { return third == Third::none && negative_slope == 1.0f; }
  const Shape& result_shape() const {
    return direction == Direction::forward ? y : direction == Direction::backward_data ? x : w;
  }
};
// One line, as in "forward n400 h7 w7 c128 k256 r3 s3 stride1,1 pad1,1,1,1 bias slope0.2 bf16->bf16 in bf16".
std::string to_string(const GraphConvProblem& problem);

// The graph of a problem, and what its operations consist of. Needs no GPU with handle nullptr.
std::vector<GraphDescriptor> make_graph(const GraphConvProblem& problem, cudnnHandle_t handle = nullptr);

// A configuration of one of cuDNN's engines, and its name: "eng7 k24=21", the engine's number and its knobs, by which
// it is found again.
struct Engine {
  GraphDescriptor config;
  std::string name;
};
// The engines for a graph on a GPU with the device properties `chip` that give the same bits every time and keep the
// problem's precision, in the order of cuDNN's heuristic, then those that it falls back on; no more than `most` of each.
std::vector<Engine> find_engines(const GraphConvProblem& problem, const GraphDescriptor& graph,
                                 const GraphDescriptor& chip, int64_t most = 32);

// What a tensor of a graph is called when it is given memory. The last two stay inside the kernel.
enum GraphTensor : int64_t { kA = 1, kB, kThird, kOut, kSum, kBiased };

}  // namespace ebm::cuda
