// Streams, events and graphs of the host GPU. Work is queued and done as HOST_GPU_ORDER says:
//   late      (without it) nothing before something waits for it
//   early     everything at once
//   copies    the work of the first stream late, that of the others at once
//   reversed  late; blocks, warps and threads of a kernel in reverse order
// A graph's nodes come in the order that they were captured in with `early` and `copies`; else what was captured on other
// streams than the first comes as late as the first one's waits for it allow.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace host_gpu {

struct Work {
  std::function<void()> run;
  cudaGraphNodeType type;  // as a node of a graph
};

struct CapturedWork : Work {
  std::vector<size_t> after;  // nodes that come before it
  bool beside;                // captured on another stream than the one that the capture began on
};
struct Graph {
  std::vector<CapturedWork> nodes;  // as they were captured
};

struct Stream;
struct Capture {
  Stream* first;
  Graph graph;
  bool broken = false;  // something was called that must not be
};

struct Stream {
  std::deque<Work> queue;
  uint64_t queued = 0, done = 0;       // since the stream was made
  bool early = false, busy = false;    // busy: work of it is being done
  std::shared_ptr<Capture> recording;  // that the stream takes part in
  std::vector<size_t> last;            // nodes of it that the stream's next one comes after
};

// Stands for the place in a stream at which it was recorded last.
struct Event {
  Stream* stream = nullptr;
  uint64_t place = 0;  // it has happened when stream->done reaches this
  double seconds = -1;
  std::weak_ptr<Capture> capture;  // that it was recorded in last, as a dependency on these nodes
  std::vector<size_t> last;
  bool captured = false;
};

// Guards everything of the device.
std::unique_lock<std::recursive_mutex> lock();

Stream* make_stream();
Stream& stream_of(cudaStream_t stream);  // fails for the default stream, on which nothing of ours works
bool any_recording();
// No stream records it any more; false: work of another stream was not waited for. By its first stream alone.
bool end_capture(Capture& capture);

// Appends work to the stream, or to what it records.
void enqueue(Stream& stream, std::function<void()> work, cudaGraphNodeType type);
void enqueue_kernel(cudaStream_t stream, std::function<void()> work);  // takes the lock

void run_graph(const Graph& graph);

// Does a stream's work up to a place, and what that waits for.
void finish(Stream& stream, uint64_t place);
void finish(Stream& stream);
void finish_all();

// The error that cudaGetLastError reports: keeps it and hands it on.
cudaError_t keep(cudaError_t status);

bool reversed_order();
double now();  // seconds

}  // namespace host_gpu
