// The calls of the CUDA runtime that core/cuda_runtime.cpp makes, with the rules that it has to keep.
#include <cuda_runtime_api.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "device.h"
#include "memory.h"
#include "streams.h"

namespace host_gpu {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

thread_local int current_device = 0;

Event& event_of(cudaEvent_t event) { return *reinterpret_cast<Event*>(event); }

// A call that waits breaks a capture.
cudaError_t break_capture(Stream& stream) {
  stream.recording->broken = true;
  return keep(cudaErrorStreamCaptureUnsupported);
}

void copy_to_device(Stream& stream, void* to, const void* from, size_t bytes) {
  if (is_device(from)) fail("a copy to the device whose source is the device");
  if (is_pinned(from, bytes)) {
    enqueue(
        stream, [=] { std::memcpy(checked_view(to, bytes, "copy to the device"), from, bytes); },
        cudaGraphNodeTypeMemcpy);
    return;
  }
  if (stream.recording) fail("a capture of a copy from pageable memory: each replay would read it anew");
  const auto* const first = static_cast<const char*>(from);
  enqueue(
      stream,
      [to, bytes, kept = std::vector<char>(first, first + bytes)] {
        std::memcpy(checked_view(to, bytes, "copy to the device"), kept.data(), bytes);
      },
      cudaGraphNodeTypeMemcpy);
}

void copy_to_host(Stream& stream, void* to, const void* from, size_t bytes) {
  if (is_device(to)) fail("a copy to the host whose target is the device");
  const bool waits = !is_pinned(to, bytes);
  if (waits && stream.recording) fail("a capture of a copy to pageable memory");
  enqueue(
      stream, [=] { std::memcpy(to, checked_view(from, bytes, "copy to the host"), bytes); }, cudaGraphNodeTypeMemcpy);
  if (waits) finish(stream);
}

}  // namespace

int device_count() {
  const char* const count = std::getenv("HOST_GPU_DEVICES");
  return count ? std::atoi(count) : 1;
}

std::string device_id(int device) {
  const std::string number = std::to_string(device);
  return std::getenv("HOST_GPU_DEVICES") ? number : std::to_string(getpid()) + "." + number;
}
std::string current_device_id() { return device_id(current_device); }

cudaError_t keep(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}

}  // namespace host_gpu

using namespace host_gpu;

extern "C" {

// ---- devices and errors ----

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device_count();
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= device_count()) return keep(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {};
  std::strcpy(properties->name, "host GPU (the processor; no GPU)");
  properties->major = 9;
  properties->totalGlobalMem = total_bytes();
  const std::string id = device_id(device);
  id.copy(properties->uuid.bytes, sizeof properties->uuid.bytes);
  return cudaSuccess;
}
cudaError_t cudaGetLastError() {
  const cudaError_t status = last_error;
  last_error = cudaSuccess;
  return status;
}
const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated: return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureUnjoined: return "cudaErrorStreamCaptureUnjoined";
    case cudaErrorStreamCaptureIsolation: return "cudaErrorStreamCaptureIsolation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    default: return "an error of another kind";
  }
}
const char* cudaGetErrorString(cudaError_t status) { return cudaGetErrorName(status); }

// ---- memory ----

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  const auto held = lock();
  *pointer = allocate(bytes);
  return *pointer ? cudaSuccess : keep(cudaErrorMemoryAllocation);
}
cudaError_t cudaFree(void* pointer) {
  const auto held = lock();
  if (any_recording()) fail("cudaFree during a capture: what was captured may use that memory");
  finish_all();
  return !pointer || release(pointer) ? cudaSuccess : keep(cudaErrorInvalidValue);
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const auto held = lock();
  *free = free_bytes(), *total = total_bytes();
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  const auto held = lock();
  *pointer = allocate_pinned(bytes);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* pointer) {
  const auto held = lock();
  finish_all();
  return !pointer || release_pinned(pointer) ? cudaSuccess : keep(cudaErrorInvalidValue);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const auto held = lock();
  Stream& s = stream_of(stream);
  if (bytes == 0) return cudaSuccess;
  switch (kind) {
    case cudaMemcpyHostToDevice: copy_to_device(s, to, from, bytes); break;
    case cudaMemcpyDeviceToHost: copy_to_host(s, to, from, bytes); break;
    case cudaMemcpyDeviceToDevice:
      enqueue(
          s,
          [=] {
            std::memmove(checked_view(to, bytes, "copy on the device"), checked_view(from, bytes, "copy on the device"),
                         bytes);
          },
          cudaGraphNodeTypeMemcpy);
      break;
    default: fail("a copy of kind " + std::to_string(kind));
  }
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  const auto held = lock();
  if (bytes == 0) return cudaSuccess;
  enqueue(
      stream_of(stream), [=] { std::memset(checked_view(to, bytes, "fill"), value, bytes); }, cudaGraphNodeTypeMemset);
  return cudaSuccess;
}

// ---- streams and events ----

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const auto held = lock();
  *stream = reinterpret_cast<cudaStream_t>(make_stream());
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const auto held = lock();
  Stream& s = stream_of(stream);
  if (s.recording) return break_capture(s);
  finish(s);
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  const auto held = lock();
  if (any_recording()) return keep(cudaErrorStreamCaptureUnsupported);
  finish_all();
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const auto held = lock();
  Stream& s = stream_of(stream);
  const Event e = event_of(event);
  if (e.captured) {  // the stream joins the capture, or what it captures comes after the event
    const std::shared_ptr<Capture> capture = e.capture.lock();
    if (!capture || (s.recording && s.recording != capture)) return keep(cudaErrorStreamCaptureIsolation);
    if (!s.recording) s.last.clear();
    s.recording = capture;
    s.last.insert(s.last.end(), e.last.begin(), e.last.end());
    return cudaSuccess;
  }
  if (s.recording) {
    s.recording->broken = true;
    return keep(cudaErrorStreamCaptureIsolation);
  }
  if (e.stream)
    enqueue(
        s, [e] { finish(*e.stream, e.place); }, cudaGraphNodeTypeWaitEvent);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const auto held = lock();
  const Event& e = event_of(event);
  if (e.stream) finish(*e.stream, e.place);
  delete &e;
  return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  const auto held = lock();
  Stream& s = stream_of(stream);
  Event& e = event_of(event);
  const bool external = flags == cudaEventRecordExternal;
  if (!s.recording && external) return keep(cudaErrorIllegalState);
  if (s.recording && !external) {
    e.capture = s.recording;
    e.last = s.last;
    e.captured = true;
    return cudaSuccess;
  }
  if (s.recording) {  // each replay records it at the place where the replay stands
    enqueue(
        s,
        [&e, &s] {
          e = {&s, s.done + 1, now(), {}, {}};
        },
        cudaGraphNodeTypeEventRecord);
  } else {
    e = {&s, s.queued + 1, -1, {}, {}};
    enqueue(
        s, [&e] { e.seconds = now(); }, cudaGraphNodeTypeEventRecord);
  }
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return cudaEventRecordWithFlags(event, stream, cudaEventRecordDefault);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const auto held = lock();
  const Event& e = event_of(event);
  if (e.captured) return keep(cudaErrorCapturedEvent);
  if (e.stream) finish(*e.stream, e.place);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const auto held = lock();
  const Event& e = event_of(event);
  if (e.captured) return keep(cudaErrorCapturedEvent);
  if (!e.stream || e.stream->done >= e.place) return cudaSuccess;
  finish(*e.stream, e.stream->done + 1);  // time passes: who asks again and again gets an answer
  return e.stream->done >= e.place ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  const auto held = lock();
  for (const Event* e : {&event_of(begin), &event_of(end)}) {
    if (!e->stream) return keep(cudaErrorInvalidResourceHandle);
    if (e->stream->done < e->place) return keep(cudaErrorNotReady);
  }
  *milliseconds = static_cast<float>(1e3 * (event_of(end).seconds - event_of(begin).seconds));
  return cudaSuccess;
}

// ---- captures and graphs ----

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const auto held = lock();
  Stream& s = stream_of(stream);
  if (s.recording) return keep(cudaErrorIllegalState);
  s.recording = std::make_shared<Capture>(Capture{&s, {}});
  s.last.clear();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const auto held = lock();
  Stream& s = stream_of(stream);
  *graph = nullptr;
  if (!s.recording || s.recording->first != &s) return keep(cudaErrorIllegalState);
  const bool joined = end_capture(*s.recording);
  const std::shared_ptr<Capture> recorded = std::move(s.recording);
  if (recorded->broken) return keep(cudaErrorStreamCaptureInvalidated);
  if (!joined) return keep(cudaErrorStreamCaptureUnjoined);
  *graph = reinterpret_cast<cudaGraph_t>(new Graph(recorded->graph));
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const auto held = lock();
  const Stream& s = stream_of(stream);
  *status = !s.recording          ? cudaStreamCaptureStatusNone
            : s.recording->broken ? cudaStreamCaptureStatusInvalidated
                                  : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  std::vector<CapturedWork>& all = reinterpret_cast<Graph*>(graph)->nodes;
  if (!nodes) *count = all.size();
  *count = std::min(*count, all.size());
  for (size_t i = 0; nodes && i < *count; ++i) nodes[i] = reinterpret_cast<cudaGraphNode_t>(&all[i]);
  return cudaSuccess;
}
cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  *type = reinterpret_cast<const CapturedWork*>(node)->type;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const auto held = lock();
  finish_all();
  delete reinterpret_cast<Graph*>(executable);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const auto held = lock();
  const auto* const graph = reinterpret_cast<const Graph*>(executable);
  enqueue(
      stream_of(stream), [graph] { run_graph(*graph); }, cudaGraphNodeTypeGraph);
  return cudaSuccess;
}

}  // extern "C"
