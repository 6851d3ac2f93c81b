#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "core/cuda.h"
#include "core/cuda_ranks.h"
#include "core/deterministic.h"
#include "core/device_calls.h"
#include "core/device_wait.h"
#include "core/nccl.h"
#include "core/shared_library.h"

namespace ebm {
namespace {

constexpr char kOp[] = "nccl";
constexpr std::chrono::milliseconds kLook{200};

NcclTable load() {
  void* const library = open_shared_library(
      kOp, {EBM_NCCL_SONAME, EBM_NCCL_LIBRARY},
      EBM_NCCL_SONAME " in LD_LIBRARY_PATH or a system folder: several GPUs need NVIDIA's NCCL (Debian: libnccl2)");
  NcclTable table;
  find_function(kOp, library, "ncclGetVersion", table.get_version);
  find_function(kOp, library, "ncclGetUniqueId", table.get_unique_id);
  find_function(kOp, library, "ncclCommInitRank", table.comm_init_rank);
  find_function(kOp, library, "ncclCommDestroy", table.comm_destroy);
  find_function(kOp, library, "ncclCommGetAsyncError", table.comm_get_async_error);
  find_function(kOp, library, "ncclAllReduce", table.all_reduce);
  find_function(kOp, library, "ncclGetErrorString", table.get_error_string);
  find_function(kOp, library, "ncclGetLastError", table.get_last_error);
  return table;
}

const NcclTable& nccl() {
  static const NcclTable table = load();
  return table;
}

// comm: nullptr where there is none yet.
Error error_of(int result, const char* call, void* comm) {
  const char* const more = nccl().get_last_error(comm);
  std::string received = nccl().get_error_string(result);
  if (more && *more) received += std::string(" (") + more + ")";
  return Error(call, received, "success", __FILE__, __LINE__);
}

void check(int result, const char* call) {
  if (result != kNcclSuccess) throw error_of(result, call, nullptr);
}

}  // namespace

NcclId NcclCommunicator::new_id() {
  NcclId id{};
  check(nccl().get_unique_id(&id), "ncclGetUniqueId");
  return id;
}

NcclCommunicator::NcclCommunicator(const NcclId& id, int rank, int size, Device device, double seconds,
                                   std::function<void(const Error&)> end)
    : device_(device), seconds_(seconds), end_(std::move(end)) {
  nccl();
  // sums by the switches of a Hopper machine's NVLink may differ from run to run
  if (deterministic()) ::setenv("NCCL_NVLS_ENABLE", "0", 0);
  cuda::stream(device.index);  // makes the device current, which NCCL takes
  forked_ = cuda::create_event(device.index);
  watch_ = std::thread([this] { watch(); });
  int result = kNcclSuccess;
  {
    const DeviceWait wait;
    result = nccl().comm_init_rank(&comm_, size, id, rank);
  }
  {
    const std::lock_guard lock(mutex_);
    if (result == kNcclSuccess) watched_ = comm_;
    over_ = result != kNcclSuccess;
  }
  if (result == kNcclSuccess) return;
  ended_.notify_all();
  watch_.join();
  check(result, "ncclCommInitRank");
}

NcclCommunicator::~NcclCommunicator() {
  {
    const std::lock_guard lock(mutex_);
    watched_ = nullptr;
  }
  {
    const DeviceWait wait;
    nccl().comm_destroy(comm_);
  }
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  ended_.notify_all();
  watch_.join();
  cuda::release_event(forked_);
  for (void* const event : begun_) cuda::release_event(event);
  for (void* const event : free_) cuda::release_event(event);
}

void NcclCommunicator::sum(float* x, int64_t n) { all_reduce(x, n, kNcclFloat, cuda::stream(device_.index)); }
void NcclCommunicator::sum(double* x, int64_t n) { all_reduce(x, n, kNcclDouble, cuda::stream(device_.index)); }

int64_t NcclCommunicator::begin_sum(float* x, int64_t n) {
  void* const side = cuda::side_stream(device_.index);
  cuda::order(cuda::stream(device_.index), forked_, side);
  all_reduce(x, n, kNcclFloat, side);
  if (free_.empty()) free_.push_back(cuda::create_event(device_.index));
  begun_.push_back(free_.back());
  free_.pop_back();
  cuda::record(begun_.back(), side);
  return joined_ + static_cast<int64_t>(begun_.size());
}

void NcclCommunicator::join(int64_t begun) {
  for (; joined_ < begun; ++joined_, begun_.pop_front()) {
    if (joined_ + 1 == begun) cuda::wait_for(cuda::stream(device_.index), begun_.front());
    free_.push_back(begun_.front());
  }
}

void NcclCommunicator::all_reduce(void* x, int64_t n, int type, void* stream) {
  count_device_call();
  const int result = nccl().all_reduce(x, x, static_cast<size_t>(n), type, kNcclSum, comm_, stream);
  // thrown, it would meet destructors that wait for the device, which may wait for this sum
  if (result != kNcclSuccess) end_(error_of(result, "ncclAllReduce", comm_));
}

void NcclCommunicator::watch() {
  std::unique_lock lock(mutex_);
  using Clock = std::chrono::steady_clock;
  Clock::time_point moved = Clock::now();  // when the host did not wait, or gave the device work, last
  int64_t calls = 0;
  while (!ended_.wait_for(lock, kLook, [&] { return over_; })) {
    int error = kNcclSuccess;
    if (watched_) nccl().comm_get_async_error(watched_, &error);
    if (error != kNcclSuccess && error != kNcclInProgress) end_(error_of(error, kOp, watched_));
    if (!in_device_wait() || std::exchange(calls, device_calls()) != calls) moved = Clock::now();
    if (Clock::now() - moved > std::chrono::duration<double>(seconds_))
      end_(Error(kOp, "nothing from " + to_string(device_) + ", which waits for the other ranks",
                 "an end of its work within " + std::to_string(static_cast<int>(seconds_)) + " s (--comm-timeout)",
                 __FILE__, __LINE__));
  }
}

}  // namespace ebm
