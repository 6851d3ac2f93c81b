#include "kernels/conv_graph_cuda.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <string>

#include "core/check.h"
#include "core/device_calls.h"

namespace ebm::cuda {
namespace {

constexpr size_t kWorkspaceLimit = size_t{512} << 20;

// What a tensor of the graph is called when it is given memory. The last two stay inside the kernel.
enum Id : int64_t { kA = 1, kWeight, kThird, kOut, kSum, kBiased };

GraphDescriptor tensor(Id id, std::vector<int64_t> dims, std::vector<int64_t> strides) {
  GraphDescriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  t.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dims);
  t.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, static_cast<int64_t>(id));
  t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t{16});
  t.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, id == kSum || id == kBiased);
  t.finalize();
  return t;
}

// (N,H,W,C) or (K,R,S,C): cuDNN names extents N C H W in any layout.
GraphDescriptor tensor(Id id, const Shape& s) {
  return tensor(id, {s[0], s[3], s[1], s[2]}, {s[1] * s[2] * s[3], 1, s[2] * s[3], s[3]});
}

GraphDescriptor convolution(const ConvGeometry& g) {
  GraphDescriptor c(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  c.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  c.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
  c.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, int64_t{2});
  using Pair = std::vector<int64_t>;
  c.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, Pair{1, 1});
  c.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, Pair{g.stride_h, g.stride_w});
  c.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, Pair{g.pad_h.before, g.pad_w.before});
  c.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, Pair{g.pad_h.after, g.pad_w.after});
  c.finalize();
  return c;
}

GraphDescriptor pointwise(cudnnPointwiseMode_t mode, double negative_slope) {
  GraphDescriptor p(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  p.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  p.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  if (mode != CUDNN_POINTWISE_ADD)
    p.set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, CUDNN_TYPE_DOUBLE, negative_slope);
  p.finalize();
  return p;
}

// Whether the engine behind a configuration gives the same bits every time and keeps the precision's promise.
bool acceptable(cudnnBackendDescriptor_t config, Precision precision) {
  const GraphDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  int64_t count = 0;
  check(cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
                                 &handle),
        "cudnnBackendGetAttribute(ENGINECFG_ENGINE)");
  std::vector<cudnnBackendNumericalNote_t> notes(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  check(cudnnBackendGetAttribute(handle, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                 CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes.data()),
        "cudnnBackendGetAttribute(ENGINE_NUMERICAL_NOTE)");
  return std::none_of(notes.begin(), notes.begin() + count, [&](cudnnBackendNumericalNote_t note) {
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC || note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)
      return true;
    return precision == Precision::fp32 &&
           (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE || note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS);
  });
}

struct FusedPlan {
  std::vector<GraphDescriptor> graph;      // what the execution plan refers to
  std::unique_ptr<GraphDescriptor> plan;   // nullptr: no engine
  int64_t workspace = 0;
};

// The first engine, in the order of cuDNN's heuristic, that is acceptable and can be made.
FusedPlan make_plan(const FusedConvProblem& problem, cudnnHandle_t handle) {
  constexpr int64_t kMostEngines = 32;
  FusedPlan result;
  result.graph = make_graph(problem, handle);
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    GraphDescriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, result.graph.back());
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
    std::vector<GraphDescriptor> configs;
    std::vector<cudnnBackendDescriptor_t> handles;
    for (int64_t i = 0; i < kMostEngines; ++i)
      handles.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
    int64_t found = 0;
    if (cudnnBackendGetAttribute(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 kMostEngines, &found, handles.data()) != CUDNN_STATUS_SUCCESS)
      continue;
    for (int64_t i = 0; i < std::min(found, kMostEngines); ++i) {
      if (!acceptable(handles[i], problem.precision)) continue;
      auto plan = std::make_unique<GraphDescriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle);
      plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, handles[i]);
      if (plan->try_finalize() != CUDNN_STATUS_SUCCESS) continue;
      int64_t count = 0;
      check(cudnnBackendGetAttribute(plan->get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                                     &count, &result.workspace),
            "cudnnBackendGetAttribute(EXECUTION_PLAN_WORKSPACE_SIZE)");
      if (result.workspace > static_cast<int64_t>(kWorkspaceLimit)) continue;
      result.plan = std::move(plan);
      return result;
    }
  }
  return result;
}

using PlanKey = std::array<int64_t, 23>;

PlanKey key_of(const FusedConvProblem& p) {
  const ConvGeometry& g = p.geometry;
  PlanKey key{static_cast<int64_t>(p.direction), p.device.index, static_cast<int64_t>(p.precision),
              g.stride_h, g.stride_w, g.pad_h.before, g.pad_h.after, g.pad_w.before, g.pad_w.after,
              p.has_bias, std::bit_cast<int32_t>(p.negative_slope)};
  size_t next = 11;
  for (const Shape* shape : {&p.x, &p.w, &p.y})
    for (int i = 0; i < 4; ++i) key[next++] = (*shape)[i];
  return key;
}

}  // namespace

GraphDescriptor::GraphDescriptor(cudnnBackendDescriptorType_t type) {
  check(cudnnBackendCreateDescriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
}
GraphDescriptor::~GraphDescriptor() {
  if (descriptor_) cudnnBackendDestroyDescriptor(descriptor_);
}
void GraphDescriptor::set_values(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                                 const void* values) {
  const cudnnStatus_t status = cudnnBackendSetAttribute(descriptor_, name, type, count, values);
  if (status != CUDNN_STATUS_SUCCESS)
    check(status, ("cudnnBackendSetAttribute " + std::to_string(static_cast<int>(name))).c_str());
}
void GraphDescriptor::finalize() { check(try_finalize(), "cudnnBackendFinalize"); }

std::vector<GraphDescriptor> make_graph(const FusedConvProblem& p, cudnnHandle_t handle) {
  std::vector<GraphDescriptor> parts;
  parts.reserve(16);  // references into it stay valid
  const auto add = [&](GraphDescriptor part) -> GraphDescriptor& { return parts.emplace_back(std::move(part)); };
  std::vector<cudnnBackendDescriptor_t> operations;

  // An elementwise operation, and which of its operands each tensor is.
  const auto add_pointwise = [&](cudnnPointwiseMode_t mode,
                                 std::initializer_list<std::pair<cudnnBackendAttributeName_t, const GraphDescriptor*>>
                                     operands) {
    const GraphDescriptor& what = add(pointwise(mode, p.negative_slope));
    GraphDescriptor& op = add(GraphDescriptor(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR));
    op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    for (const auto& [operand, t] : operands) op.set(operand, *t);
    op.finalize();
    operations.push_back(op.get());
  };

  const GraphDescriptor& conv = add(convolution(p.geometry));
  const GraphDescriptor& weight = add(tensor(kWeight, p.w));
  const bool forward = p.direction == Direction::forward;
  const Shape& out_shape = forward ? p.y : p.x;
  const GraphDescriptor& a = add(tensor(kA, forward ? p.x : p.y));
  const GraphDescriptor& out = add(tensor(kOut, out_shape));
  const GraphDescriptor& sum = add(tensor(kSum, out_shape));
  if (forward) {
    GraphDescriptor& op = add(GraphDescriptor(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR));
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, conv);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, a);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weight);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, sum);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1.0f);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 0.0f);
    op.finalize();
    operations.push_back(op.get());
    const GraphDescriptor* before_activation = &sum;
    if (p.has_bias) {
      const int64_t k = p.w[0];
      const GraphDescriptor& bias = add(tensor(kThird, {1, k, 1, 1}, {k, 1, k, k}));
      const GraphDescriptor& biased = add(tensor(kBiased, out_shape));
      add_pointwise(CUDNN_POINTWISE_ADD, {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, &sum},
                                          {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, &bias},
                                          {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &biased}});
      before_activation = &biased;
    }
    add_pointwise(CUDNN_POINTWISE_RELU_FWD, {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, before_activation},
                                             {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &out}});
  } else {
    GraphDescriptor& op = add(GraphDescriptor(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR));
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, conv);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, a);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, weight);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, sum);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_TYPE_FLOAT, 1.0f);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, CUDNN_TYPE_FLOAT, 0.0f);
    op.finalize();
    operations.push_back(op.get());
    const GraphDescriptor& mask = add(tensor(kThird, p.x));
    add_pointwise(CUDNN_POINTWISE_RELU_BWD, {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, &mask},
                                             {CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, &sum},
                                             {CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, &out}});
  }
  GraphDescriptor& graph = add(GraphDescriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
  if (handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations);
  graph.finalize();
  return parts;
}

bool run_fused_conv(const FusedConvProblem& problem, const float* a, const float* w, const float* third,
                    float* out) {
  static auto* plans = new std::map<PlanKey, FusedPlan>;  // kept until the process ends, like the handles
  static std::mutex mutex;
  const CudnnHandle cudnn = open_handle(problem.device);
  const std::lock_guard lock(mutex);
  const PlanKey key = key_of(problem);
  auto found = plans->find(key);
  if (found == plans->end()) found = plans->emplace(key, make_plan(problem, cudnn.handle)).first;
  FusedPlan& plan = found->second;
  if (!plan.plan) return false;

  Tensor workspace =  // in stream order: the next owner of this memory writes it only after cuDNN is done with it
      Tensor::empty({plan.workspace / static_cast<int64_t>(sizeof(float)) + 1}, problem.device);
  std::vector<int64_t> ids{kA, kWeight, kOut};
  std::vector<const void*> pointers{a, w, out};
  if (third) ids.push_back(kThird), pointers.push_back(third);
  GraphDescriptor variant(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  variant.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids);
  variant.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers);
  void* const memory = workspace.mutable_data();
  variant.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, memory);
  variant.finalize();
  const cudnnStatus_t status = cudnnBackendExecute(cudnn.handle, plan.plan->get(), variant.get());
  if (status / 1000 == CUDNN_STATUS_NOT_SUPPORTED / 1000) {  // the heuristic promised too much
    plan.plan.reset();
    return false;
  }
  check(status, "cudnnBackendExecute");
  note_conv_plan(nullptr);
  count_device_call();
  return true;
}

}  // namespace ebm::cuda
