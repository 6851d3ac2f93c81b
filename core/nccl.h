// Sums between GPUs by NVIDIA's NCCL, one process and one GPU a rank: what a Communicator (core/communicator.h) does on a
// GPU. nccl_runtime.cpp opens the library when the first of it is needed; builds without CUDA have nccl_absent.cpp.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/check.h"
#include "core/device.h"
#include "core/nccl_table.h"

namespace ebm {

class NcclCommunicator {
 public:
  // For rank 0, which gives it to all. Throws Error where the library is missing.
  static NcclId new_id();

  // Meets the ranks that have this id. Throws Error where NCCL refuses, as it does two ranks on one GPU. For `seconds` and
  // `end` see Communicator::connect; they hold for the meeting too.
  NcclCommunicator(const NcclId& id, int rank, int size, Device device, double seconds,
                   std::function<void(const Error&)> end);
  // Waits for the other ranks' end. NCCL would wait for ever for a graph that holds sums of this.
  ~NcclCommunicator();
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  Device device() const { return device_; }
  void end(const Error& error) const { end_(error); }

  // x (n) on the device becomes the sum over all ranks, in order with the compute stream's work.
  void sum(float* x, int64_t n);
  void sum(double* x, int64_t n);
  // Beside the compute stream's work until join(); see Communicator::begin_sum. Sums are done in the order they are begun in.
  int64_t begin_sum(float* x, int64_t n);
  void join(int64_t begun);

 private:
  void all_reduce(void* x, int64_t n, int type, void* stream);
  void watch();  // on a thread of its own: what nobody who waits for the device would be told

  const Device device_;
  const double seconds_;
  const std::function<void(const Error&)> end_;
  void* comm_ = nullptr;
  void* forked_ = nullptr;   // an event
  std::deque<void*> begun_;  // events of the sums that are not joined, which come when they are done
  int64_t joined_ = 0;       // how many were begun before those
  std::vector<void*> free_;  // events

  std::mutex mutex_;
  std::condition_variable ended_;
  void* watched_ = nullptr;  // comm_, while it may be asked for errors
  bool over_ = false;
  std::thread watch_;
};

}  // namespace ebm
