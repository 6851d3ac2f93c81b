#include "kernels/conv/conv_graph_cuda.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "core/check.h"

namespace ebm::cuda {
namespace {

cudnnDataType_t cudnn_type(ElementType type) {
  return type == ElementType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

GraphDescriptor tensor(GraphTensor id, std::vector<int64_t> dims, std::vector<int64_t> strides, cudnnDataType_t type) {
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
GraphDescriptor tensor(GraphTensor id, const Shape& s, cudnnDataType_t type = CUDNN_DATA_FLOAT) {
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
      return {p.x,
              p.w,
              p.y,
              CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Direction::backward_data:
      return {p.y,
              p.w,
              p.x,
              CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case Direction::backward_weight: break;
  }
  return {p.x,
          p.y,
          p.w,
          CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
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
  const bool fp32 = problem.precision == Precision::fp32, bf16 = problem.factors == ElementType::bf16;
  switch (note) {
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION: return true;
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE: return fp32;
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS: return fp32 || bf16;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD: return bf16;  // the transformed operands are rounded again
    default: return false;
  }
}

// The attribute's values, at most `most` of them; none where it cannot be read.
template <class T>
std::vector<T> read(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                    cudnnBackendAttributeType_t type, int64_t most) {
  std::vector<T> values(most);
  int64_t count = 0;
  if (cudnnBackendGetAttribute(descriptor, name, type, most, &count, values.data()) != CUDNN_STATUS_SUCCESS) count = 0;
  values.resize(std::min(count, most));
  return values;
}

// The same of descriptors, which have to be made before they can be read.
std::vector<GraphDescriptor> read_descriptors(cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                                              cudnnBackendDescriptorType_t type, int64_t most) {
  std::vector<GraphDescriptor> made;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (int64_t i = 0; i < most; ++i) handles.push_back(made.emplace_back(type).get());
  int64_t count = 0;
  if (cudnnBackendGetAttribute(from, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, handles.data()) !=
      CUDNN_STATUS_SUCCESS)
    count = 0;
  while (static_cast<int64_t>(made.size()) > count) made.pop_back();
  return made;
}

bool acceptable(const GraphDescriptor& engine, const GraphConvProblem& problem) {
  const auto notes = read<cudnnBackendNumericalNote_t>(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                       CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  return std::none_of(notes.begin(), notes.end(),
                      [&](cudnnBackendNumericalNote_t note) { return spoils(note, problem); });
}

std::string name_of(const GraphDescriptor& engine, const GraphDescriptor& config) {
  constexpr int64_t kMostKnobs = 32;
  std::ostringstream name;
  name << "eng";
  for (const int64_t index : read<int64_t>(engine.get(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1))
    name << index;
  for (const GraphDescriptor& choice : read_descriptors(config.get(), CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                                        CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, kMostKnobs)) {
    for (const auto knob :
         read<cudnnBackendKnobType_t>(choice.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1))
      name << " k" << static_cast<int>(knob) << '=';
    for (const int64_t value : read<int64_t>(choice.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1))
      name << value;
  }
  return name.str();
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
  const auto add = [&](GraphDescriptor part) -> const GraphDescriptor& { return parts.emplace_back(std::move(part)); };
  std::vector<cudnnBackendDescriptor_t> operations;

  // An elementwise operation, and which of its operands each tensor is.
  const auto add_pointwise =
      [&](cudnnPointwiseMode_t mode,
          std::initializer_list<std::pair<cudnnBackendAttributeName_t, const GraphDescriptor*>> operands) {
        const GraphDescriptor& what = add(pointwise(mode, p.negative_slope));
        GraphDescriptor op(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
        op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
        for (const auto& [operand, t] : operands) op.set(operand, *t);
        op.finalize();
        operations.push_back(add(std::move(op)).get());
      };

  const ConvRole role = role_of(p);
  const GraphDescriptor& conv = add(convolution(p.geometry));
  const cudnnDataType_t factors = cudnn_type(p.factors), result = cudnn_type(p.result);
  const GraphDescriptor& a = add(tensor(kA, role.a_shape, factors));
  const GraphDescriptor& b = add(tensor(kB, role.b_shape, factors));
  const GraphDescriptor& out = add(tensor(kOut, role.out_shape, result));
  // A convolution with nothing behind it is a pattern of its own, whose engines, compiled beforehand, give a result of
  // the factors' type only; of another type it has to end in an identity.
  const bool ends_here = p.is_alone() && p.factors == p.result;
  const GraphDescriptor* last = ends_here ? &out : &add(tensor(kSum, role.out_shape));
  GraphDescriptor op(role.operation);
  op.set(role.conv, conv);
  op.set(role.a, a);
  op.set(role.b, b);
  op.set(role.out, *last);
  op.set(role.alpha, CUDNN_TYPE_FLOAT, 1.0f);
  op.set(role.beta, CUDNN_TYPE_FLOAT, 0.0f);
  op.finalize();
  operations.push_back(add(std::move(op)).get());

  // what stays inside the kernel is fp32
  if (p.third == Third::bias) {
    const int64_t k = role.out_shape[3];
    const GraphDescriptor& bias = add(tensor(kThird, {1, k, 1, 1}, {k, 1, k, k}, CUDNN_DATA_FLOAT));
    const GraphDescriptor& biased = add(tensor(kBiased, role.out_shape));
    add_pointwise(CUDNN_POINTWISE_ADD, {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, last},
                                        {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, &bias},
                                        {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &biased}});
    last = &biased;
  }
  if (p.third == Third::mask) {
    const GraphDescriptor& mask = add(tensor(kThird, role.out_shape, result));
    add_pointwise(CUDNN_POINTWISE_RELU_BWD, {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, &mask},
                                             {CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, last},
                                             {CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, &out}});
  } else if (!ends_here) {
    add_pointwise(p.negative_slope != 1.0f ? CUDNN_POINTWISE_RELU_FWD : CUDNN_POINTWISE_IDENTITY,
                  {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, last}, {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &out}});
  }
  GraphDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations);
  graph.finalize();
  add(std::move(graph));
  return parts;
}

std::vector<Engine> find_engines(const GraphConvProblem& problem, const GraphDescriptor& graph,
                                 const GraphDescriptor& chip, int64_t most) {
  constexpr int64_t kMostAnswers = 32;
  std::vector<Engine> engines;
  std::set<std::string> names;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    GraphDescriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, chip);
    if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
    int64_t found = 0;
    for (GraphDescriptor& config : read_descriptors(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                    CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, kMostAnswers)) {
      const GraphDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
      cudnnBackendDescriptor_t handle = engine.get();
      int64_t count = 0;
      check(cudnnBackendGetAttribute(config.get(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                     &count, &handle),
            "cudnnBackendGetAttribute(ENGINECFG_ENGINE)");
      if (!acceptable(engine, problem)) continue;
      std::string name = name_of(engine, config);
      if (!names.insert(name).second) continue;  // both modes named it
      engines.push_back({std::move(config), std::move(name)});
      if (++found == most) break;
    }
  }
  return engines;
}

GraphConvProblem GraphConvProblem::alone() const {
  GraphConvProblem p = *this;
  p.third = Third::none;
  p.negative_slope = 1.0f;
  return p;
}

std::string to_string(const GraphConvProblem& p) {
  static constexpr const char* kDirections[] = {"forward", "backward_data", "backward_weight"};
  const ConvGeometry& g = p.geometry;
  std::ostringstream out;
  out << kDirections[static_cast<int>(p.direction)] << " n" << p.x[0] << " h" << p.x[1] << " w" << p.x[2] << " c"
      << p.x[3] << " k" << p.w[0] << " r" << p.w[1] << " s" << p.w[2] << " stride" << g.stride_h << ',' << g.stride_w
      << " pad" << g.pad_h.before << ',' << g.pad_h.after << ',' << g.pad_w.before << ',' << g.pad_w.after;
  if (p.third != Third::none) out << (p.third == Third::bias ? " bias" : " mask");
  if (p.negative_slope != 1.0f) out << " slope" << p.negative_slope;
  out << ' ' << name(p.factors) << "->" << name(p.result) << " in " << name(p.precision);
  return out.str();
}

}  // namespace ebm::cuda
