#include "core/graph.h"

#include "core/check.h"
#include "core/communicator.h"
#include "core/cuda.h"
#include "core/device_calls.h"
#include "core/device_wait.h"

namespace ebm {

Graph::Graph(Device device, bool enabled)
    : device_(device), enabled_(enabled && device.is_cuda() && !sync_after_launch()) {
  if (enabled_) pool_ = std::make_shared<MemoryPool>(device);
}

Graph::~Graph() { forget(); }

void Graph::run(const std::function<void()>& work) {
  const DeviceWait wait;  // for room for more work
  if (!enabled_) return work();
  EBM_CHECK(!out_of_step_, "graph", "work that failed on this rank before", "the same work on all ranks");
  if (recorded_) return replay();
  const PoolScope temporaries(device_, pool_);
  out_of_step_ = !world().alone();  // unless all goes well
  if (warm_)
    record(work);
  else
    work();
  warm_ = true;
  out_of_step_ = false;
}

void Graph::record(const std::function<void()>& work) {
  cuda::begin_capture(device_.index);
  try {
    work();
    recorded_ = cuda::end_capture(device_.index, kernels_);
  } catch (const Error& e) {
    cuda::abandon_capture(device_.index);
    EBM_FAIL("recording a CUDA graph", e.op() + ": " + e.received(),
             e.expected() + "; or --no-graph, which records none");
  } catch (...) {
    cuda::abandon_capture(device_.index);
    throw;
  }
  replay();
}

void Graph::replay() {
  cuda::launch_graph(device_.index, recorded_);
  count_replayed_kernels(kernels_);
}

void Graph::forget() {
  if (recorded_) cuda::release_graph(recorded_);
  recorded_ = nullptr;
  warm_ = false;
}

}  // namespace ebm
