// NCCL, as far as core/nccl_runtime.cpp calls it, between processes of one machine: shared memory, sums in the order of the
// ranks. What NCCL would wait for for ever, or compute something else from, ends the program with a line: ranks whose
// operations differ in order, number of elements, type, or in whether they are a graph's; a communicator that is destroyed
// before a graph that holds its operations. Operations are done in the order that HOST_GPU_ORDER gives the streams' work:
// NCCL would put those of one communicator in the order of their calls.
//   HOST_NCCL_FAULT=hang:RANK:N    that rank's Nth operation never ends
//   HOST_NCCL_FAULT=error:RANK:N   nor then, and the rank is told of an error when it asks
//   HOST_NCCL_FAULT=refuse:RANK:N  that rank's Nth call is refused
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "core/nccl_table.h"
#include "device.h"
#include "streams.h"

namespace host_gpu {
namespace {

constexpr int kInvalidUsage = 5, kRemoteError = 6;
constexpr int kMostRanks = 16;
constexpr size_t kPart = 1 << 18;  // bytes of a rank's numbers that are there at once
constexpr double kSeconds = 300;   // after which a rank that does not come is taken for dead

struct Operation {
  uint64_t call;  // number of the rank's call that it is of
  uint64_t count;
  int type;
  bool captured;
  bool operator==(const Operation&) const = default;
};

std::string to_string(const Operation& o) {
  return "call " + std::to_string(o.call) + ": " + std::to_string(o.count) + " of type " + std::to_string(o.type) +
         (o.captured ? ", in a graph" : "");
}

// In shared memory; zero at first.
struct Shared {
  std::atomic<uint32_t> come, meetings;
  struct Rank {
    char device[16];
    Operation operation;
    alignas(16) char numbers[kPart];
  } ranks[kMostRanks];
};

struct Fault {
  std::string kind;
  int rank = -1;
  uint64_t number = 0;
};
Fault fault() {
  Fault f;
  const char* const text = std::getenv("HOST_NCCL_FAULT");
  char kind[8] = "";
  unsigned long long number = 0;
  if (!text) return f;
  if (std::sscanf(text, "%7[a-z]:%d:%llu", kind, &f.rank, &number) != 3 ||
      (std::strcmp(kind, "hang") != 0 && std::strcmp(kind, "error") != 0 && std::strcmp(kind, "refuse") != 0))
    fail(std::string("HOST_NCCL_FAULT: received \"") + text + "\", expected hang, error or refuse:RANK:N");
  f.kind = kind;
  f.number = number;
  return f;
}

thread_local std::string last_error;

// Never destroyed but by its call: work that is queued holds it.
class Communicator {
 public:
  Communicator(Shared* shared, int rank, int size) : shared_(*shared), rank_(rank), size_(size) {}
  ~Communicator() { munmap(&shared_, sizeof(Shared)); }

  // Until all ranks have come.
  void meet() {
    const uint32_t meeting = shared_.meetings;
    if (++shared_.come == static_cast<uint32_t>(size_)) {
      shared_.come = 0;
      ++shared_.meetings;
      return;
    }
    const double end = now() + kSeconds;
    for (int look = 0; shared_.meetings == meeting; ++look) {
      if (now() > end) fail("NCCL: rank " + std::to_string(rank_) + " waited in vain for the others");
      if (look < 100)
        std::this_thread::yield();
      else  // there may be fewer cores than processes
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  bool devices_differ() {
    current_device_id().copy(shared_.ranks[rank_].device, sizeof shared_.ranks[rank_].device);
    meet();
    bool differ = true;
    for (int a = 0; a < size_; ++a)
      for (int b = 0; b < a; ++b)
        differ = differ && std::memcmp(shared_.ranks[a].device, shared_.ranks[b].device, 16) != 0;
    return differ;
  }

  // The next call's number.
  uint64_t call() { return ++calls_; }

  template <class T>
  void sum(const void* from, void* to, const Operation& operation) {
    const size_t bytes = operation.count * sizeof(T);
    const auto* const own = reinterpret_cast<const T*>(checked_view(from, bytes, "a sum over ranks"));
    auto* const total = reinterpret_cast<T*>(checked_view(to, bytes, "a sum over ranks"));
    begin(operation);
    constexpr uint64_t kMost = kPart / sizeof(T);
    for (uint64_t first = 0; first < operation.count; first += kMost) {
      const uint64_t n = std::min(kMost, operation.count - first);
      std::memcpy(shared_.ranks[rank_].numbers, own + first, n * sizeof(T));
      meet();
      for (uint64_t i = 0; i < n; ++i) {
        T sum = 0;
        for (int r = 0; r < size_; ++r) sum += reinterpret_cast<const T*>(shared_.ranks[r].numbers)[i];
        total[first + i] = sum;
      }
      meet();  // the numbers may be overwritten
    }
  }

  std::atomic<int> error{ebm::kNcclSuccess};
  const Fault planned = fault();
  int rank() const { return rank_; }

 private:
  void begin(const Operation& operation) {
    ++done_;
    if (planned.rank == rank_ && planned.number == done_ && planned.kind != "refuse") {
      if (planned.kind == "error") error = kRemoteError;
      while (true) pause();
    }
    shared_.ranks[rank_].operation = operation;
    meet();
    for (int r = 0; r < size_; ++r)
      if (shared_.ranks[r].operation != operation)
        fail("NCCL's operation " + std::to_string(done_) + " is " + to_string(operation) + " on rank " +
             std::to_string(rank_) + ", and " + to_string(shared_.ranks[r].operation) + " on rank " +
             std::to_string(r));
  }

  Shared& shared_;
  const int rank_, size_;
  uint64_t calls_ = 0, done_ = 0;
};

// What the caller holds. Graphs and queued work hold the communicator as well.
struct Handle {
  std::shared_ptr<Communicator> communicator;
};

}  // namespace
}  // namespace host_gpu

using namespace host_gpu;

extern "C" {

int ncclGetVersion(int* version) {
  *version = 22809;
  return ebm::kNcclSuccess;
}

int ncclGetUniqueId(ebm::NcclId* id) {
  static std::atomic<int> made{0};
  *id = {};
  std::snprintf(id->bytes, sizeof id->bytes, "/host_nccl.%d.%d", static_cast<int>(getpid()), ++made);
  const int file = shm_open(id->bytes, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) fail("no shared memory for NCCL");
  close(file);
  return ebm::kNcclSuccess;
}

int ncclCommInitRank(void** handle, int size, ebm::NcclId id, int rank) {
  *handle = nullptr;
  if (size > kMostRanks) fail("NCCL: more than " + std::to_string(kMostRanks) + " ranks");
  const int file = shm_open(id.bytes, O_RDWR, 0600);
  if (file < 0) fail("NCCL: no communicator of this id");
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) fail("no shared memory for NCCL");
  const auto communicator = std::make_shared<Communicator>(static_cast<Shared*>(memory), rank, size);
  const bool differ = communicator->devices_differ();
  if (rank == 0) shm_unlink(id.bytes);  // all have it open
  communicator->meet();
  if (!differ) {
    last_error = "Duplicate GPU detected";
    return kInvalidUsage;
  }
  *handle = new Handle{communicator};
  return ebm::kNcclSuccess;
}

int ncclCommDestroy(void* handle) {
  const auto held = lock();
  finish_all();
  const std::unique_ptr<Handle> h(static_cast<Handle*>(handle));
  if (h->communicator.use_count() > 1) fail("ncclCommDestroy before a graph that holds its operations was destroyed");
  h->communicator->meet();
  return ebm::kNcclSuccess;
}

int ncclCommGetAsyncError(void* handle, int* error) {
  *error = static_cast<Handle*>(handle)->communicator->error;
  return ebm::kNcclSuccess;
}

int ncclAllReduce(const void* from, void* to, size_t count, int type, int op, void* handle, cudaStream_t stream) {
  const auto held = lock();
  Stream& s = stream_of(stream);
  const std::shared_ptr<Communicator> communicator = static_cast<Handle*>(handle)->communicator;
  if (op != ebm::kNcclSum || (type != ebm::kNcclFloat && type != ebm::kNcclDouble)) fail("NCCL: another operation");
  const Operation operation{communicator->call(), count, type, bool(s.recording)};
  const Fault& fault = communicator->planned;
  if (fault.kind == "refuse" && fault.rank == communicator->rank() && fault.number == operation.call) {
    last_error = "refused by the host's NCCL";
    return kInvalidUsage;
  }
  enqueue(
      s,
      [=] {
        if (type == ebm::kNcclFloat)
          communicator->sum<float>(from, to, operation);
        else
          communicator->sum<double>(from, to, operation);
      },
      cudaGraphNodeTypeKernel);
  return ebm::kNcclSuccess;
}

const char* ncclGetErrorString(int result) {
  switch (result) {
    case ebm::kNcclSuccess: return "no error";
    case kInvalidUsage: return "invalid usage";
    case kRemoteError: return "remote process exited or there was a network error";
    default: return "an error of another kind";
  }
}
const char* ncclGetLastError(void*) { return last_error.c_str(); }

}  // extern "C"
