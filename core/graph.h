// A sequence of launches that is recorded once and replayed as one: a CUDA graph.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/device.h"
#include "core/memory.h"

namespace ebm {

class Graph {
 public:
  // Not `enabled`, on the CPU and with EBM_SYNC=1 nothing is recorded: run() calls its work each time.
  Graph(Device device, bool enabled);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Does `work`. The first call runs it as it is, so that libraries choose their plans; the second records it;
  // from then on its record is replayed and `work` is not called. So each call must be the same launches on the
  // same memory: what is to differ lies in the device's memory (core/scalar.h, RandomOffset); nothing in it may
  // wait for the device; what it leaves behind is in tensors that were made before. Throws Error when something
  // in it cannot be recorded. When `work` throws, nothing of it is recorded and the next call does it again; but not where it
  // is shared out to several ranks (core/communicator.h): the others have gone on, and each further call throws Error.
  void run(const std::function<void()>& work);

  // Drops the record: the next run() begins anew.
  void forget();

 private:
  void replay();
  void record(const std::function<void()>& work);

  Device device_;
  bool enabled_;
  bool warm_ = false;
  bool out_of_step_ = false;  // with the other ranks
  void* recorded_ = nullptr;
  int64_t kernels_ = 0;  // in the record
  // Its temporaries live here for good: a replay writes to them again.
  std::shared_ptr<MemoryPool> pool_;
};

}  // namespace ebm
