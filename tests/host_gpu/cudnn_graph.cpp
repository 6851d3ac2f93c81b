// cuDNN's graph API, as far as kernels/conv/conv_graph_cuda.cpp calls it, on the host: descriptors keep what is set on
// them, and a plan does its operations one after the other. HOST_GPU_GRAPHS=0: no graph has an engine.
// HOST_GPU_NAN=swallowed: activations make 0 of a NaN, as max(v, 0) + slope · min(v, 0) does, and so do their masks.
#include <cudnn.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "convolution.h"
#include "cudnn_handle.h"
#include "device.h"
#include "streams.h"

namespace host_gpu {
namespace {

struct Node;
using NodePointer = std::shared_ptr<Node>;

struct Node {
  cudnnBackendDescriptorType_t type;
  std::map<int, std::vector<char>> values;        // by attribute
  std::map<int, std::vector<NodePointer>> nodes;  // of attributes that are descriptors
  bool final = false;

  template <class T>
  std::vector<T> all(int attribute) const {
    const auto found = values.find(attribute);
    if (found == values.end()) return {};
    std::vector<T> list(found->second.size() / sizeof(T));
    std::memcpy(list.data(), found->second.data(), list.size() * sizeof(T));
    return list;
  }
  template <class T>
  T one(int attribute) const {
    const std::vector<T> list = all<T>(attribute);
    return list.empty() ? T{} : list[0];
  }
  const NodePointer& node(int attribute) const { return nodes.at(attribute).at(0); }
};

NodePointer& node_of(cudnnBackendDescriptor_t d) { return *reinterpret_cast<NodePointer*>(d); }

// Where each kind of convolution keeps its operands.
struct ConvolutionAttributes {
  int settings, x, filter, y;
};
const ConvolutionAttributes* convolution_attributes(cudnnBackendDescriptorType_t type) {
  static const std::map<int, ConvolutionAttributes> known{
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
       {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y}},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
       {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY}},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
       {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY}}};
  const auto found = known.find(type);
  return found == known.end() ? nullptr : &found->second;
}

using Extents = std::vector<int64_t>;  // N C H W
Extents extents(const Node& tensor) { return tensor.all<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS); }
uint64_t size_of(const Node& tensor) {
  uint64_t size = 1;
  for (const int64_t extent : extents(tensor)) size *= static_cast<uint64_t>(extent);
  return size;
}

// The convolution of an operation; false: its shapes do not fit each other.
bool read_convolution(const Node& operation, const ConvolutionAttributes& at, Convolution& c) {
  const Extents x = extents(*operation.node(at.x)), f = extents(*operation.node(at.filter)),
                y = extents(*operation.node(at.y));
  const Node& settings = *operation.node(at.settings);
  const Extents before = settings.all<int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
                after = settings.all<int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS),
                stride = settings.all<int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  c = {x[0], x[2], x[3], x[1], f[0], f[2], f[3], y[2], y[3], stride[0], stride[1], before[0], before[1]};
  for (size_t i = 0; i < 2; ++i)
    if ((x[2 + i] + before[i] + after[i] - f[2 + i]) / stride[i] + 1 != y[2 + i]) return false;
  return x[0] == y[0] && x[1] == f[1] && y[1] == f[0];
}

bool swallows_nan() {
  static const char* const text = std::getenv("HOST_GPU_NAN");
  return text && std::string(text) == "swallowed";
}

// One execution of a graph.
class Execution {
 public:
  Execution(const NodePointer& engine, const Node& pack)
      : graph_(engine->node(CUDNN_ATTR_ENGINE_OPERATION_GRAPH)),
        bits_(engine->all<int>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE).empty() ? kFp32 : kTf32),
        workspace_(pack.one<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE)) {
    const auto ids = pack.all<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    const auto pointers = pack.all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    for (size_t i = 0; i < ids.size(); ++i) memory_[ids[i]] = pointers.at(i);
  }

  void run() {
    numbers_.clear();
    std::memset(checked_view(workspace_, kConvolutionWorkspace, "a graph's workspace"), 0x7f, kConvolutionWorkspace);
    for (const NodePointer& operation : graph_->nodes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
      if (const auto* attributes = convolution_attributes(operation->type))
        convolve(*operation, *attributes);
      else if (operation->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
        pointwise(*operation);
      else
        fail("an operation that the host's cuDNN does not know");
    }
  }

 private:
  static int64_t id_of(const Node& tensor) { return tensor.one<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID); }

  const Numbers& read(const Node& tensor) {
    Numbers& numbers = numbers_[id_of(tensor)];
    if (!numbers.empty()) return numbers;
    const uint64_t size = size_of(tensor);
    const auto type = tensor.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
    const bool is_bf16 = type == CUDNN_DATA_BFLOAT16;
    if (!is_bf16 && type != CUDNN_DATA_FLOAT) fail("a type that the host's cuDNN does not know");
    const char* const from = checked_view(aligned(tensor), size * (is_bf16 ? 2 : 4), "a graph's operand");
    numbers.resize(size);
    if (!is_bf16) std::memcpy(numbers.data(), from, 4 * size);
    for (uint64_t i = 0; is_bf16 && i < size; ++i)
      numbers[i] = std::bit_cast<float>(uint32_t{reinterpret_cast<const uint16_t*>(from)[i]} << 16);
    return numbers;
  }
  void write(const Node& tensor, Numbers numbers) {
    if (!tensor.one<uint8_t>(CUDNN_ATTR_TENSOR_IS_VIRTUAL)) {
      const auto type = tensor.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
      if (type == CUDNN_DATA_BFLOAT16) {
        std::vector<uint16_t> halves(numbers.size());
        for (size_t i = 0; i < numbers.size(); ++i) {
          numbers[i] = round_to(kBf16, numbers[i]);
          halves[i] = static_cast<uint16_t>(std::bit_cast<uint32_t>(numbers[i]) >> 16);
        }
        std::memcpy(checked_view(aligned(tensor), 2 * halves.size(), "a graph's output"), halves.data(),
                    2 * halves.size());
      } else if (type == CUDNN_DATA_FLOAT) {
        const size_t bytes = 4 * numbers.size();
        std::memcpy(checked_view(aligned(tensor), bytes, "a graph's output"), numbers.data(), bytes);
      } else {
        fail("a graph's output of a type that the host's cuDNN does not know");
      }
    }
    numbers_[id_of(tensor)] = std::move(numbers);
  }
  void* aligned(const Node& tensor) const {
    void* const pointer = memory_.at(id_of(tensor));
    const auto alignment = static_cast<uint64_t>(tensor.one<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT));
    if (reinterpret_cast<uintptr_t>(pointer) % alignment != 0) fail("a graph's operand is less aligned than promised");
    return pointer;
  }

  void convolve(const Node& operation, const ConvolutionAttributes& at) {
    Convolution c{};
    read_convolution(operation, at, c);
    const Node &x = *operation.node(at.x), &filter = *operation.node(at.filter), &y = *operation.node(at.y);
    const auto factor = [&](const Node& tensor) { return rounded(bits_, read(tensor).data(), size_of(tensor)); };
    if (operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) {
      Numbers out(c.y_size());
      c.forward(factor(x).data(), factor(filter).data(), out.data());
      write(y, std::move(out));
    } else if (operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR) {
      Numbers out(c.x_size());
      c.backward_data(factor(y).data(), factor(filter).data(), out.data());
      write(x, std::move(out));
    } else {
      Numbers out(c.filter_size());
      c.backward_weight(factor(x).data(), factor(y).data(), out.data());
      write(filter, std::move(out));
    }
  }

  void pointwise(const Node& operation) {
    const Node& how = *operation.node(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const auto slope = static_cast<float>(how.one<double>(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE));
    const auto seen = [](float v) { return v != v && swallows_nan() ? 0.0f : v; };
    const auto operand = [&](int attribute) -> const Node& { return *operation.node(attribute); };
    const Numbers x = read(operand(CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
    Numbers out = x;
    switch (how.one<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE)) {
      case CUDNN_POINTWISE_IDENTITY: break;
      case CUDNN_POINTWISE_ADD: {  // b (1,K,1,1): channels come last in memory
        const Numbers b = read(operand(CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
        for (size_t i = 0; i < x.size(); ++i) out[i] = x[i] + b[i % b.size()];
        break;
      }
      case CUDNN_POINTWISE_RELU_FWD:
        for (float& v : out) v = seen(v > 0 ? v : slope * v);
        break;
      case CUDNN_POINTWISE_RELU_BWD: {
        const Numbers dy = read(operand(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC));
        for (size_t i = 0; i < x.size(); ++i) out[i] = seen(x[i] > 0 ? dy[i] : slope * dy[i]);
        return write(operand(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC), std::move(out));
      }
      default: fail("a pointwise operation that the host's cuDNN does not know");
    }
    write(operand(CUDNN_ATTR_OPERATION_POINTWISE_YDESC), std::move(out));
  }

  NodePointer graph_;
  int bits_;
  void* workspace_;
  std::map<int64_t, void*> memory_;
  std::map<int64_t, Numbers> numbers_;
};

size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR: return 1;
    case CUDNN_TYPE_FLOAT: return 4;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE: return 8;
    default: return 4;  // an enumeration
  }
}

// Engines by number. The heuristic promises one that cannot be made, then one on tensor cores and one without; what it
// falls back on can be made and does not run.
constexpr int64_t kUnmade = 5, kTensorCores = 1, kPlain = 2, kRefusesToRun = 7;

template <class T>
void set_value(Node& node, int attribute, T value) {
  node.values[attribute].resize(sizeof value);
  std::memcpy(node.values[attribute].data(), &value, sizeof value);
}

void fill_config(Node& config, const NodePointer& graph, int64_t number) {
  const auto engine = std::make_shared<Node>(Node{CUDNN_BACKEND_ENGINE_DESCRIPTOR, {}, {}, true});
  engine->nodes[CUDNN_ATTR_ENGINE_OPERATION_GRAPH] = {graph};
  set_value(*engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, number);
  if (number == kTensorCores)
    set_value(*engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, static_cast<int>(CUDNN_NUMERICAL_NOTE_TENSOR_CORE));
  const auto knob = std::make_shared<Node>(Node{CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, {}, {}, true});
  set_value(*knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, static_cast<int>(CUDNN_KNOB_TYPE_TILE_SIZE));
  set_value(*knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, int64_t{3});
  config.nodes[CUDNN_ATTR_ENGINECFG_ENGINE] = {engine};
  config.nodes[CUDNN_ATTR_ENGINECFG_KNOB_CHOICES] = {knob};
  config.final = true;
}

std::vector<int64_t> answers_of(const Node& heuristic) {
  if (heuristic.one<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE) == CUDNN_HEUR_MODE_FALLBACK)
    return {kPlain, kRefusesToRun};
  return {kUnmade, kTensorCores, kPlain};
}

int64_t engine_number(const Node& plan) {
  return plan.node(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)
      ->node(CUDNN_ATTR_ENGINECFG_ENGINE)
      ->one<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
}

// A descriptor and all that it refers to as text, and back.
void write_node(std::ostream& out, const Node& node) {
  out << node.type << ' ' << node.values.size() << ' ' << node.nodes.size() << '\n';
  for (const auto& [attribute, bytes] : node.values) {
    out << attribute << ' ' << bytes.size();
    for (const char byte : bytes) out << ' ' << static_cast<int>(byte);
    out << '\n';
  }
  for (const auto& [attribute, list] : node.nodes) {
    out << attribute << ' ' << list.size() << '\n';
    for (const NodePointer& part : list) write_node(out, *part);
  }
}
NodePointer read_node(std::istream& in) {
  int type = 0;
  size_t values = 0, nodes = 0;
  if (!(in >> type >> values >> nodes)) return nullptr;
  const auto node = std::make_shared<Node>(Node{static_cast<cudnnBackendDescriptorType_t>(type), {}, {}, true});
  for (size_t i = 0; i < values; ++i) {
    int attribute = 0, byte = 0;
    size_t size = 0;
    in >> attribute >> size;
    for (size_t j = 0; j < size && in >> byte; ++j) node->values[attribute].push_back(static_cast<char>(byte));
  }
  for (size_t i = 0; i < nodes; ++i) {
    int attribute = 0;
    size_t size = 0;
    in >> attribute >> size;
    for (size_t j = 0; j < size; ++j) {
      node->nodes[attribute].push_back(read_node(in));
      if (!node->nodes[attribute].back()) return nullptr;
    }
  }
  return in ? node : nullptr;
}

// A plan: from an engine that can be made, or from the text of one.
cudnnStatus_t finalize_plan(Node& plan) {
  if (const auto json = plan.all<char>(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION); !json.empty()) {
    std::istringstream text(std::string(json.begin(), json.end()));
    const NodePointer config = read_node(text);
    if (!config) return CUDNN_STATUS_BAD_PARAM;
    plan.nodes[CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG] = {config};
  }
  return engine_number(plan) == kUnmade ? CUDNN_STATUS_NOT_SUPPORTED : CUDNN_STATUS_SUCCESS;
}

// As much of the text as there is room for; its whole size where none is asked for.
cudnnStatus_t give_text(const std::string& text, int64_t most, int64_t* count, void* values) {
  *count = static_cast<int64_t>(text.size());
  if (most > 0) std::memcpy(values, text.data(), std::min(text.size(), static_cast<size_t>(most)));
  return CUDNN_STATUS_SUCCESS;
}

bool graphs_have_engines() {
  const char* text = std::getenv("HOST_GPU_GRAPHS");
  return !text || std::string(text) != "0";
}

}  // namespace
}  // namespace host_gpu

using namespace host_gpu;

extern "C" {

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* d) {
  *d = reinterpret_cast<cudnnBackendDescriptor_t>(new NodePointer(std::make_shared<Node>(Node{type, {}, {}})));
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
  delete reinterpret_cast<NodePointer*>(d);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void* values) {
  Node& node = *node_of(d);
  if (node.final) return CUDNN_STATUS_NOT_INITIALIZED;
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    std::vector<NodePointer>& nodes = node.nodes[name];
    nodes.clear();
    for (int64_t i = 0; i < count; ++i)
      nodes.push_back(node_of(static_cast<const cudnnBackendDescriptor_t*>(values)[i]));
    for (const NodePointer& part : nodes)
      if (!part->final) return CUDNN_STATUS_BAD_PARAM;
    return CUDNN_STATUS_SUCCESS;
  }
  const auto* const first = static_cast<const char*>(values);
  node.values[name].assign(first, first + bytes_of(type) * static_cast<size_t>(count));
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t d) {
  Node& node = *node_of(d);
  Convolution c{};
  if (const auto* attributes = convolution_attributes(node.type); attributes && !read_convolution(node, *attributes, c))
    return CUDNN_STATUS_BAD_PARAM;
  if (node.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
    if (const cudnnStatus_t status = finalize_plan(node); status != CUDNN_STATUS_SUCCESS) return status;
  node.final = true;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendGetAttribute(const cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, int64_t most, int64_t* count, void* values) {
  const Node& node = *node_of(d);
  if (!node.final) return CUDNN_STATUS_NOT_INITIALIZED;
  *count = 1;
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
      const std::vector<int64_t> answers = answers_of(node);
      *count = graphs_have_engines() ? std::min<int64_t>(most, static_cast<int64_t>(answers.size())) : 0;
      for (int64_t i = 0; i < *count; ++i)
        fill_config(*node_of(static_cast<cudnnBackendDescriptor_t*>(values)[i]),
                    node.node(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH), answers[static_cast<size_t>(i)]);
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
      node_of(*static_cast<cudnnBackendDescriptor_t*>(values)) = node.node(name);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
      *static_cast<int64_t*>(values) = node.one<int64_t>(name);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE:
      *static_cast<int*>(values) = node.one<int>(name);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION: return give_text("{\"host GPU\"}", most, count, values);
    case CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION: {
      std::ostringstream text;
      write_node(text, *node.node(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG));
      return give_text(text.str(), most, count, values);
    }
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      node_of(*static_cast<cudnnBackendDescriptor_t*>(values)) = node.node(name);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      *static_cast<int64_t*>(values) = kConvolutionWorkspace;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: {
      const auto notes = node.all<int>(name);
      *count = static_cast<int64_t>(notes.size());
      std::memcpy(values, notes.data(), sizeof(int) * std::min(notes.size(), static_cast<size_t>(most)));
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE: *count = 0; return CUDNN_STATUS_SUCCESS;
    default: return CUDNN_STATUS_NOT_SUPPORTED;
  }
}
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  if (engine_number(*node_of(plan)) == kRefusesToRun) return CUDNN_STATUS_NOT_SUPPORTED;
  const NodePointer engine =
      node_of(plan)->node(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->node(CUDNN_ATTR_ENGINECFG_ENGINE);
  const auto execution = std::make_shared<Execution>(engine, *node_of(pack));
  enqueue_kernel(stream_of(handle), [execution] { execution->run(); });
  return CUDNN_STATUS_SUCCESS;
}

}  // extern "C"
