#include "kernels/conv_graph_cuda.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <string>

#include "core/check.h"
#include "core/device_calls.h"
#include "kernels/to_bf16.h"

namespace ebm::cuda {
namespace {

constexpr size_t kWorkspaceLimit = size_t{512} << 20;

// What a tensor of the graph is called when it is given memory. The last two stay inside the kernel.
enum Id : int64_t { kA = 1, kB, kThird, kOut, kSum, kBiased };

GraphDescriptor tensor(Id id, std::vector<int64_t> dims, std::vector<int64_t> strides,
                       cudnnDataType_t type = CUDNN_DATA_FLOAT) {
  GraphDescriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  t.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dims);
  t.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, static_cast<int64_t>(id));
  t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t{16});
  t.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, id == kSum || id == kBiased);
  t.finalize();
  return t;
}

// (N,H,W,C) or (K,R,S,C): cuDNN names extents N C H W in any layout.
GraphDescriptor tensor(Id id, const Shape& s, cudnnDataType_t type = CUDNN_DATA_FLOAT) {
  return tensor(id, {s[0], s[3], s[1], s[2]}, {s[1] * s[2] * s[3], 1, s[2] * s[3], s[3]}, type);
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

// Which tensor takes which part in a convolution, and what cuDNN calls the parts.
struct ConvRole {
  const Shape &a_shape, &b_shape, &out_shape;
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t conv, a, b, out, alpha, beta;
};

ConvRole role_of(const GraphConvProblem& p) {
  switch (p.direction) {
    case Direction::forward:
      return {p.x, p.w, p.y, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Direction::backward_data:
      return {p.y, p.w, p.x, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case Direction::backward_weight: break;
  }
  return {p.x, p.y, p.w, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

GraphDescriptor pointwise(cudnnPointwiseMode_t mode, double negative_slope) {
  GraphDescriptor p(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  p.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  p.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  if (mode == CUDNN_POINTWISE_RELU_FWD || mode == CUDNN_POINTWISE_RELU_BWD)
    p.set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, CUDNN_TYPE_DOUBLE, negative_slope);
  p.finalize();
  return p;
}

// Whether an engine's note says that it may give other bits another time or breaks the precision's promise.
bool spoils(cudnnBackendNumericalNote_t note, const GraphConvProblem& problem) {
  const bool fp32 = problem.precision == Precision::fp32, bf16 = problem.operands == CUDNN_DATA_BFLOAT16;
  switch (note) {
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION: return true;
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE: return fp32;
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS: return fp32 || bf16;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD: return bf16;  // the transformed operands are rounded again
    default: return false;
  }
}

bool acceptable(cudnnBackendDescriptor_t config, const GraphConvProblem& problem) {
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
  return std::none_of(notes.begin(), notes.begin() + count,
                      [&](cudnnBackendNumericalNote_t note) { return spoils(note, problem); });
}

struct GraphPlan {
  std::vector<GraphDescriptor> graph;      // what the execution plan refers to
  std::unique_ptr<GraphDescriptor> plan;   // nullptr: no engine
  int64_t workspace = 0;
};

// The first engine that can be made and needs no more workspace than is given.
GraphPlan make_plan(const GraphConvProblem& problem, cudnnHandle_t handle) {
  GraphPlan result;
  result.graph = make_graph(problem, handle);
  for (const GraphDescriptor& config : find_engines(problem, result.graph.back())) {
    auto plan = std::make_unique<GraphDescriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    if (plan->try_finalize() != CUDNN_STATUS_SUCCESS) continue;
    int64_t count = 0;
    check(cudnnBackendGetAttribute(plan->get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                                   &count, &result.workspace),
          "cudnnBackendGetAttribute(EXECUTION_PLAN_WORKSPACE_SIZE)");
    if (result.workspace > static_cast<int64_t>(kWorkspaceLimit)) continue;
    result.plan = std::move(plan);
    break;
  }
  return result;
}

using PlanKey = std::array<int64_t, 24>;

PlanKey key_of(const GraphConvProblem& p) {
  const ConvGeometry& g = p.geometry;
  PlanKey key{static_cast<int64_t>(p.direction), p.device.index, static_cast<int64_t>(p.precision),
              g.stride_h, g.stride_w, g.pad_h.before, g.pad_h.after, g.pad_w.before, g.pad_w.after,
              p.has_third, std::bit_cast<int32_t>(p.negative_slope), p.operands};
  size_t next = 12;
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

std::vector<GraphDescriptor> make_graph(const GraphConvProblem& p, cudnnHandle_t handle) {
  std::vector<GraphDescriptor> parts;
  parts.reserve(16);  // references into it stay valid
  const auto add = [&](GraphDescriptor part) -> const GraphDescriptor& {
    return parts.emplace_back(std::move(part));
  };
  std::vector<cudnnBackendDescriptor_t> operations;

  // An elementwise operation, and which of its operands each tensor is.
  const auto add_pointwise = [&](cudnnPointwiseMode_t mode,
                                 std::initializer_list<std::pair<cudnnBackendAttributeName_t, const GraphDescriptor*>>
                                     operands) {
    const GraphDescriptor& what = add(pointwise(mode, p.negative_slope));
    GraphDescriptor op(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    for (const auto& [operand, t] : operands) op.set(operand, *t);
    op.finalize();
    operations.push_back(add(std::move(op)).get());
  };

  const ConvRole role = role_of(p);
  const GraphDescriptor& conv = add(convolution(p.geometry));
  const GraphDescriptor& a = add(tensor(kA, role.a_shape, p.operands));
  const GraphDescriptor& b = add(tensor(kB, role.b_shape, p.operands));
  const GraphDescriptor& out = add(tensor(kOut, role.out_shape));
  const GraphDescriptor* last = &add(tensor(kSum, role.out_shape));
  GraphDescriptor op(role.operation);
  op.set(role.conv, conv);
  op.set(role.a, a);
  op.set(role.b, b);
  op.set(role.out, *last);
  op.set(role.alpha, CUDNN_TYPE_FLOAT, 1.0f);
  op.set(role.beta, CUDNN_TYPE_FLOAT, 0.0f);
  op.finalize();
  operations.push_back(add(std::move(op)).get());

  const bool forward = p.direction == Direction::forward;
  if (forward && p.has_third) {
    const int64_t k = p.w[0];
    const GraphDescriptor& bias = add(tensor(kThird, {1, k, 1, 1}, {k, 1, k, k}));
    const GraphDescriptor& biased = add(tensor(kBiased, role.out_shape));
    add_pointwise(CUDNN_POINTWISE_ADD, {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, last},
                                        {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, &bias},
                                        {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &biased}});
    last = &biased;
  }
  if (p.direction == Direction::backward_data && p.has_third) {
    const GraphDescriptor& mask = add(tensor(kThird, p.x));
    add_pointwise(CUDNN_POINTWISE_RELU_BWD, {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, &mask},
                                             {CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, last},
                                             {CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, &out}});
  } else {
    // The identity where there is no activation: a convolution alone, or with a bias alone, is a pattern of its
    // own, whose engines give an output of the operands' type only.
    const bool activates = forward && p.negative_slope != 1.0f;
    add_pointwise(activates ? CUDNN_POINTWISE_RELU_FWD : CUDNN_POINTWISE_IDENTITY,
                  {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, last},
                   {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &out}});
  }
  GraphDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations);
  graph.finalize();
  add(std::move(graph));
  return parts;
}

std::vector<GraphDescriptor> find_engines(const GraphConvProblem& problem, const GraphDescriptor& graph,
                                          [[maybe_unused]] const GraphDescriptor* chip) {
  constexpr int64_t kMostEngines = 32;
  std::vector<GraphDescriptor> engines;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    GraphDescriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
#if CUDNN_VERSION >= 90800  // the first that knows device properties
    if (chip) heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *chip);
#endif
    if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
    std::vector<GraphDescriptor> configs;
    std::vector<cudnnBackendDescriptor_t> handles;
    for (int64_t i = 0; i < kMostEngines; ++i)
      handles.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
    int64_t found = 0;
    if (cudnnBackendGetAttribute(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 kMostEngines, &found, handles.data()) != CUDNN_STATUS_SUCCESS)
      continue;
    for (int64_t i = 0; i < std::min(found, kMostEngines); ++i)
      if (acceptable(configs[i].get(), problem)) engines.push_back(std::move(configs[i]));
  }
  return engines;
}

bool run_graph_conv(const GraphConvProblem& problem, const Tensor& a, const Tensor& b, const Tensor& third,
                    Tensor& out) {
  static auto* plans = new std::map<PlanKey, GraphPlan>;  // kept until the process ends, like the handles
  static std::mutex mutex;
  const CudnnHandle cudnn = open_handle(problem.device);
  const std::lock_guard lock(mutex);
  const PlanKey key = key_of(problem);
  auto found = plans->find(key);
  if (found == plans->end()) found = plans->emplace(key, make_plan(problem, cudnn.handle)).first;
  GraphPlan& plan = found->second;
  if (!plan.plan) return false;

  // Both in stream order: the next owner of their memory writes it only after cuDNN is done with it.
  Tensor workspace =
      Tensor::empty({plan.workspace / static_cast<int64_t>(sizeof(float)) + 1}, problem.device);
  const Bf16Pair rounded = problem.operands == CUDNN_DATA_BFLOAT16 ? to_bf16(a, b) : Bf16Pair{a, b};
  std::vector<int64_t> ids{kA, kB, kOut};
  std::vector<const void*> pointers{rounded.a.data(), rounded.b.data(), out.mutable_data()};
  if (problem.has_third) ids.push_back(kThird), pointers.push_back(third.data());
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
