// core/cuda.h by the CUDA runtime.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/cuda.h"
#include "core/cuda_ranks.h"
#include "core/device_calls.h"
#include "core/device_wait.h"

namespace ebm::cuda {
namespace {

// `bytes`: of the memory that the call copies, fills or asks for.
void check(cudaError_t status, const char* call, std::optional<size_t> bytes = {}) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the runtime would report the same error again at the next launch
  EBM_FAIL(call + (bytes ? " of " + std::to_string(*bytes) + " bytes" : ""),
           std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ")", "success");
}

// The runtime keeps a current device for each host thread; every function here sets the one it is for.
void use(int index) { check(cudaSetDevice(index), "cudaSetDevice"); }

cudaStream_t compute_stream(int index) { return static_cast<cudaStream_t>(stream(index)); }

struct LazyStream {
  std::once_flag once;
  cudaStream_t stream = nullptr;
};
// Never destroyed: tensors of static duration may be released after any destructor here.
using Streams = std::array<LazyStream, 64>;

cudaStream_t lazy_stream(Streams& streams, int index) {
  EBM_CHECK(index >= 0 && index < static_cast<int>(streams.size()), "stream", std::to_string(index),
            "a device below " + std::to_string(streams.size()));
  use(index);
  LazyStream& lazy = streams[index];
  std::call_once(lazy.once, [&] {
    // non-blocking: no implicit order with the legacy default stream, which libraries may use
    check(cudaStreamCreateWithFlags(&lazy.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  });
  return lazy.stream;
}

cudaStream_t copy_stream(int index) {
  static auto* streams = new Streams;
  return lazy_stream(*streams, index);
}

cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

int64_t count_kernels(cudaGraph_t graph) {
  size_t count = 0;
  check(cudaGraphGetNodes(graph, nullptr, &count), "cudaGraphGetNodes");
  std::vector<cudaGraphNode_t> nodes(count);
  check(cudaGraphGetNodes(graph, nodes.data(), &count), "cudaGraphGetNodes");
  return std::count_if(nodes.begin(), nodes.end(), [](cudaGraphNode_t node) {
    cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
    check(cudaGraphNodeGetType(node, &type), "cudaGraphNodeGetType");
    return type == cudaGraphNodeTypeKernel;
  });
}

}  // namespace

int device_count() {
  int count = 0;  // not written where there is no driver
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    cudaGetLastError();
    return 0;
  }
  return count;
}

std::string available_text() {
  const int count = device_count();
  if (count == 0) return "a GPU (this machine shows none)";
  return count == 1 ? "cuda:0" : "cuda:0 to cuda:" + std::to_string(count - 1);
}

std::string device_name(int index) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return properties.name;
}

std::string device_id(int index) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  std::string id;
  for (const char byte : properties.uuid.bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    id += {kDigits[value / 16], kDigits[value % 16]};
  }
  return id;
}

void synchronize(int index) {
  use(index);
  const DeviceWait wait;
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

void* stream(int index) {
  static auto* streams = new Streams;
  return lazy_stream(*streams, index);
}

void* allocate(int index, size_t bytes) {
  use(index);
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(status, "cudaMalloc", bytes);
  return memory;
}

void release(int index, void* memory) {
  use(index);
  const DeviceWait wait;
  check(cudaFree(memory), "cudaFree");
}

MemoryInfo memory_info(int index) {
  use(index);
  MemoryInfo info;
  check(cudaMemGetInfo(&info.free, &info.total), "cudaMemGetInfo");
  return info;
}

void copy_to_device(int index, void* to, const void* from, size_t bytes) {
  count_device_call();
  // From pageable memory the call returns once the source has been read, so the caller may reuse it.
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, compute_stream(index)),
        "cudaMemcpyAsync to the device", bytes);
}

void copy_to_host(int index, void* to, const void* from, size_t bytes) {
  count_device_call();
  const cudaStream_t stream = compute_stream(index);
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync to the host", bytes);
  const DeviceWait wait;
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}

void copy_on_device(int index, void* to, const void* from, size_t bytes) {
  count_device_call();
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, compute_stream(index)),
        "cudaMemcpyAsync on the device", bytes);
}

void fill_zero(int index, void* to, size_t bytes) {
  count_device_call();
  check(cudaMemsetAsync(to, 0, bytes, compute_stream(index)), "cudaMemsetAsync", bytes);
}

void begin_capture(int index) {
  // relaxed: the allocator may have to ask for memory while recording
  check(cudaStreamBeginCapture(compute_stream(index), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
}

void* end_capture(int index, int64_t& kernels) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(compute_stream(index), &graph), "cudaStreamEndCapture");
  const std::unique_ptr<CUgraph_st, void (*)(cudaGraph_t)> owned(graph, [](cudaGraph_t g) { cudaGraphDestroy(g); });
  kernels = count_kernels(graph);
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  return executable;
}

bool capturing(int index) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(compute_stream(index), &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

void abandon_capture(int index) noexcept {
  try {
    if (!capturing(index)) return;
    cudaGraph_t graph = nullptr;
    cudaStreamEndCapture(compute_stream(index), &graph);
    if (graph) cudaGraphDestroy(graph);
  } catch (const Error&) {
    // the device is lost, and what it was given with it
  }
  cudaGetLastError();
}

void launch_graph(int index, void* graph) {
  count_device_call();
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), compute_stream(index)), "cudaGraphLaunch");
}

void release_graph(void* graph) noexcept { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); }

void* create_event(int index) {
  use(index);
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "cudaEventCreate");
  return event;
}

void release_event(void* event) noexcept { cudaEventDestroy(event_of(event)); }

void record_event(int index, void* event) {
  // external: a node of the graph that records the event, not a dependency between captured streams
  const unsigned flags = capturing(index) ? cudaEventRecordExternal : cudaEventRecordDefault;
  check(cudaEventRecordWithFlags(event_of(event), compute_stream(index), flags), "cudaEventRecordWithFlags");
}

void wait_for_event(void* event) {
  const DeviceWait wait;
  check(cudaEventSynchronize(event_of(event)), "cudaEventSynchronize");
}

double seconds_between(void* begin, void* end) {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, event_of(begin), event_of(end)), "cudaEventElapsedTime");
  return 1e-3 * milliseconds;
}

void* side_stream(int index) {
  static auto* streams = new Streams;
  return lazy_stream(*streams, index);
}

void record(void* event, void* stream) {
  check(cudaEventRecord(event_of(event), static_cast<cudaStream_t>(stream)), "cudaEventRecord");
}

void wait_for(void* stream, void* event) {
  check(cudaStreamWaitEvent(static_cast<cudaStream_t>(stream), event_of(event), 0), "cudaStreamWaitEvent");
}

void order(void* first, void* event, void* then) {
  record(event, first);
  wait_for(then, event);
}

void* allocate_pinned(int index, size_t bytes) {
  use(index);
  void* memory = nullptr;
  check(cudaMallocHost(&memory, bytes), "cudaMallocHost", bytes);
  return memory;
}

void release_pinned(void* memory) noexcept { cudaFreeHost(memory); }

void copy_beside(int index, void* to, const void* from, size_t bytes, void* after, void* done) {
  count_device_call();
  const cudaStream_t stream = copy_stream(index);
  check(cudaStreamWaitEvent(stream, event_of(after), 0), "cudaStreamWaitEvent");
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync to the device", bytes);
  check(cudaEventRecord(event_of(done), stream), "cudaEventRecord");
}

void copy_to_pinned(int index, void* to, const void* from, size_t bytes) {
  count_device_call();
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, compute_stream(index)), "cudaMemcpyAsync to the host",
        bytes);
}

void await(int index, void* event) {
  check(cudaStreamWaitEvent(compute_stream(index), event_of(event), 0), "cudaStreamWaitEvent");
}

}  // namespace ebm::cuda
