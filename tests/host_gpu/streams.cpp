#include "streams.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include "device.h"

namespace host_gpu {
namespace {

const std::string& order() {
  static const auto* const chosen = [] {
    const char* text = std::getenv("HOST_GPU_ORDER");
    auto* order = new std::string(text ? text : "late");
    if (*order != "late" && *order != "early" && *order != "copies" && *order != "reversed")
      fail("HOST_GPU_ORDER: received \"" + *order + "\", expected late, early, copies or reversed");
    return order;
  }();
  return *chosen;
}

// Never destroyed: streams are used when static objects of the program are.
std::vector<Stream*>& streams() {
  static auto* const all = new std::vector<Stream*>;
  return *all;
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock() {
  static auto* const mutex = new std::recursive_mutex;
  return std::unique_lock(*mutex);
}

Stream* make_stream() {
  auto* const stream = new Stream;
  stream->early = order() == "early" || (order() == "copies" && !streams().empty());
  return streams().emplace_back(stream);
}

Stream& stream_of(cudaStream_t stream) {
  if (!stream) fail("work on the default stream");
  return *reinterpret_cast<Stream*>(stream);
}

bool any_recording() {
  return std::any_of(streams().begin(), streams().end(), [](const Stream* stream) { return bool(stream->recording); });
}

bool end_capture(Capture& capture) {
  std::vector<bool> joined(capture.graph.nodes.size());
  std::vector<size_t> open = capture.first->last;
  while (!open.empty()) {
    const size_t node = open.back();
    open.pop_back();
    if (joined[node]) continue;
    joined[node] = true;
    const std::vector<size_t>& after = capture.graph.nodes[node].after;
    open.insert(open.end(), after.begin(), after.end());
  }
  bool all = true;
  for (Stream* stream : streams()) {
    if (stream->recording.get() != &capture) continue;
    for (const size_t node : stream->last) all = all && joined[node];
  }
  for (Stream* stream : streams())
    if (stream != capture.first && stream->recording.get() == &capture) stream->recording.reset();
  return all;
}

void enqueue(Stream& stream, std::function<void()> work, cudaGraphNodeType type) {
  if (stream.recording) {
    std::vector<CapturedWork>& nodes = stream.recording->graph.nodes;
    nodes.push_back({{std::move(work), type}, stream.last, &stream != stream.recording->first});
    stream.last = {nodes.size() - 1};
    return;
  }
  stream.queue.push_back({std::move(work), type});
  ++stream.queued;
  if (stream.early) finish(stream);
}

void enqueue_kernel(cudaStream_t stream, std::function<void()> work) {
  const auto held = lock();
  enqueue(stream_of(stream), std::move(work), cudaGraphNodeTypeKernel);
}

void finish(Stream& stream, uint64_t place) {
  if (stream.done >= place) return;
  if (stream.busy) fail("streams that wait for each other");
  stream.busy = true;
  while (stream.done < place) {
    const Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    work.run();
    ++stream.done;
  }
  stream.busy = false;
}
void run_graph(const Graph& graph) {
  const bool in_order = order() == "early" || order() == "copies";
  std::vector<bool> done(graph.nodes.size());
  const std::function<void(size_t)> run = [&](size_t node) {
    if (done[node]) return;
    done[node] = true;
    for (const size_t before : graph.nodes[node].after) run(before);
    graph.nodes[node].run();
  };
  for (size_t node = 0; node < graph.nodes.size(); ++node)
    if (in_order || !graph.nodes[node].beside) run(node);
}

void finish(Stream& stream) { finish(stream, stream.queued); }
void finish_all() {
  for (Stream* stream : streams()) finish(*stream);
}

bool reversed_order() { return order() == "reversed"; }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace host_gpu
