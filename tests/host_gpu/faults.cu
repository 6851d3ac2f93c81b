// host_gpu_faults NAME: makes one fault of CUDA code on purpose. The host GPU has to end it with its line; a fault
// that goes unseen ends it with 0.
#include <cuda_runtime.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/nccl_table.h"

extern "C" {
int ncclGetUniqueId(ebm::NcclId* id);
int ncclCommInitRank(void** comm, int size, ebm::NcclId id, int rank);
int ncclCommDestroy(void* comm);
int ncclAllReduce(const void* from, void* to, size_t count, int type, int op, void* comm, cudaStream_t stream);
}

namespace {

__global__ void write_behind(float* p, int n) { p[n + threadIdx.x] = 1; }
__global__ void read_quad(const float* p, float* to) {
  *reinterpret_cast<float4*>(to) = *reinterpret_cast<const float4*>(p + 1);
}
__global__ void reverse(float* p, bool wait) {
  __shared__ float memory[64];
  memory[threadIdx.x] = p[threadIdx.x];
  if (wait) __syncthreads();
  p[threadIdx.x] = memory[63 - threadIdx.x];
}
__global__ void half_shuffle(float* p) {
  const float v = p[threadIdx.x];
  if (threadIdx.x < 16)
    p[threadIdx.x] = __shfl_down_sync(0xffffffffu, v, 1);
  else
    p[threadIdx.x] = 0;
  __syncthreads();
}
__global__ void write_shared(float* p, int n) {
  extern __shared__ float memory[];
  memory[n] = 1;
  p[0] = memory[n];
}

void check(cudaError_t status) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "%s\n", cudaGetErrorName(status));
  std::exit(3);
}

cudaStream_t stream = nullptr;

float* device_memory(size_t floats) {
  void* p = nullptr;
  check(cudaMalloc(&p, floats * sizeof(float)));
  return static_cast<float*>(p);
}
void finish() {
  check(cudaGetLastError());
  check(cudaStreamSynchronize(stream));
}

// 0 … 63 in reverse; exits with 4 unless that is what comes out.
void reversed(bool wait) {
  std::vector<float> numbers(64);
  for (int i = 0; i < 64; ++i) numbers[i] = static_cast<float>(i);
  float* const p = device_memory(64);
  check(cudaMemcpyAsync(p, numbers.data(), 256, cudaMemcpyHostToDevice, stream));
  reverse<<<1, 64, 0, stream>>>(p, wait);
  check(cudaMemcpyAsync(numbers.data(), p, 256, cudaMemcpyDeviceToHost, stream));
  finish();
  for (int i = 0; i < 64; ++i)
    if (numbers[i] != static_cast<float>(63 - i)) std::exit(4);
}

void record_on(cudaStream_t first, cudaStream_t then) {  // what `then` is given later waits for `first`
  static cudaEvent_t event = nullptr;
  if (!event) check(cudaEventCreate(&event));
  check(cudaEventRecord(event, first));
  check(cudaStreamWaitEvent(then, event, 0));
}

cudaGraphExec_t end_capture() {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph, 0));
  check(cudaGraphDestroy(graph));
  return executable;
}

enum class Join { in_time, late, never };

// A graph that fills p beside the stream, and copies it behind the join or before; exits with 5 where that is too early.
void beside(Join join) {
  float *const p = device_memory(1), *const to = device_memory(1);
  cudaStream_t side = nullptr;
  check(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking));
  check(cudaMemsetAsync(p, 0, 4, stream));
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  record_on(stream, side);
  check(cudaMemsetAsync(p, 1, 4, side));
  if (join == Join::in_time) record_on(side, stream);
  check(cudaMemcpyAsync(to, p, 4, cudaMemcpyDeviceToDevice, stream));
  if (join == Join::late) record_on(side, stream);
  check(cudaGraphLaunch(end_capture(), stream));
  int copied = 0;
  check(cudaMemcpyAsync(&copied, to, 4, cudaMemcpyDeviceToHost, stream));
  if (copied != 0x01010101) std::exit(5);
}

void nccl(int result) {
  if (result != ebm::kNcclSuccess) std::exit(7);
}
void sum(float* x, size_t count, void* comm) {
  nccl(ncclAllReduce(x, x, count, ebm::kNcclFloat, ebm::kNcclSum, comm, stream));
}

// work(rank, communicator) in this process and a second one.
void two_ranks(const std::function<void(int, void*)>& work) {
  ebm::NcclId id{};
  nccl(ncclGetUniqueId(&id));
  const pid_t other = fork();
  void* comm = nullptr;
  nccl(ncclCommInitRank(&comm, 2, id, other == 0 ? 1 : 0));
  work(other == 0 ? 1 : 0, comm);
  finish();
  nccl(ncclCommDestroy(comm));
  if (other == 0) _exit(0);
  int status = 0;
  if (waitpid(other, &status, 0) != other || status != 0) std::exit(8);
}

// The sum over ranks by a graph that runs twice; exits with 4 unless it is right.
void graph_of_sum(int rank, void* comm) {
  const float own = rank == 0 ? 1.5f : 2;
  float* const x = device_memory(1);
  check(cudaMemcpyAsync(x, &own, 4, cudaMemcpyHostToDevice, stream));
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  sum(x, 1, comm);
  const cudaGraphExec_t graph = end_capture();
  for (int i = 0; i < 2; ++i) check(cudaGraphLaunch(graph, stream));
  float of_all = 0;
  check(cudaMemcpyAsync(&of_all, x, 4, cudaMemcpyDeviceToHost, stream));
  check(cudaGraphExecDestroy(graph));
  if (of_all != 7) std::exit(4);
}

void other_recording(int rank, void* comm) {
  float* const x = device_memory(1);
  check(cudaMemsetAsync(x, 0, 4, stream));
  if (rank == 0) check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  sum(x, 1, comm);
  if (rank == 0) check(cudaGraphLaunch(end_capture(), stream));
}

void destroyed_early() {
  ebm::NcclId id{};
  nccl(ncclGetUniqueId(&id));
  void* comm = nullptr;
  nccl(ncclCommInitRank(&comm, 1, id, 0));
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  sum(device_memory(1), 1, comm);
  end_capture();
  nccl(ncclCommDestroy(comm));
}

const std::map<std::string, std::function<void()>> cases{
    {"none", [] { reversed(true); }},
    {"missing_barrier", [] { reversed(false); }},
    {"write_behind", [] { write_behind<<<1, 1, 0, stream>>>(device_memory(100), 100), finish(); }},
    {"misaligned", [] { read_quad<<<1, 1, 0, stream>>>(device_memory(8), device_memory(8)), finish(); }},
    {"host_pointer",
     [] {
       alignas(16) float on_host[8] = {};
       read_quad<<<1, 1, 0, stream>>>(on_host + 3, device_memory(8)), finish();
     }},
    {"freed",
     [] {
       float* const p = device_memory(100);
       check(cudaFree(p));
       write_behind<<<1, 1, 0, stream>>>(p, 0), finish();
     }},
    {"shared_memory", [] { write_shared<<<1, 1, 16, stream>>>(device_memory(1), 4), finish(); }},
    {"half_shuffle", [] { half_shuffle<<<1, 32, 0, stream>>>(device_memory(32)), finish(); }},
    {"unwritten",
     [] {  // nobody wrote what is read
       float number = 0;
       check(cudaMemcpyAsync(&number, device_memory(1), 4, cudaMemcpyDeviceToHost, stream));
       if (number != number) std::exit(6);
     }},
    {"overwritten_source",
     [] {  // pinned memory that the host changes before the device has read it
       float* const p = device_memory(1);
       void* pinned = nullptr;
       check(cudaMallocHost(&pinned, 4));
       auto* const number = static_cast<float*>(pinned);
       *number = 1;
       check(cudaMemcpyAsync(p, pinned, 4, cudaMemcpyHostToDevice, stream));
       *number = 2;
       float sent = 0;
       check(cudaMemcpyAsync(&sent, p, 4, cudaMemcpyDeviceToHost, stream));
       if (sent != 1) std::exit(5);
     }},
    {"free_while_recording",
     [] {
       float* const p = device_memory(1);
       check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
       check(cudaFree(p));
     }},
    {"too_many_threads", [] { write_behind<<<1, 2048, 0, stream>>>(device_memory(4096), 0), finish(); }},
    {"read_by_host", [] { std::printf("%f\n", *static_cast<volatile float*>(device_memory(1))); }},
    {"read_too_early",
     [] {  // pinned memory is written when the device gets there
       float* const p = device_memory(1);
       void* pinned = nullptr;
       check(cudaMallocHost(&pinned, 4));
       auto* const number = static_cast<volatile float*>(pinned);
       *number = 5;
       check(cudaMemsetAsync(p, 0, 4, stream));
       check(cudaMemcpyAsync(pinned, p, 4, cudaMemcpyDeviceToHost, stream));
       const float early = *number;
       finish();
       if (early != *number) std::exit(5);
     }},
    {"wait_while_recording",
     [] {
       check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
       check(cudaStreamSynchronize(stream));
     }},
    {"pageable_while_recording",
     [] {
       float number = 1;
       check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
       check(cudaMemcpyAsync(device_memory(1), &number, 4, cudaMemcpyHostToDevice, stream));
     }},
    {"beside", [] { beside(Join::in_time); }},
    {"joined_late", [] { beside(Join::late); }},
    {"never_joined", [] { beside(Join::never); }},
    {"ranks", [] { two_ranks(graph_of_sum); }},
    {"other_count",
     [] {
       two_ranks([](int rank, void* comm) {
         float* const x = device_memory(2);
         check(cudaMemsetAsync(x, 0, 8, stream));
         sum(x, rank == 0 ? 1 : 2, comm);
       });
     }},
    {"other_recording", [] { two_ranks(other_recording); }},
    {"destroyed_early", destroyed_early},
};

}  // namespace

int main(int argc, char** argv) {
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  cases.at(argc > 1 ? argv[1] : "none")();
}
