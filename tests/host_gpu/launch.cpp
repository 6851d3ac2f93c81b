// What nvcc's host code calls: the registration of kernels, and their launch.
#include <cuda_runtime.h>
#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <unordered_map>

#include "device.h"
#include "streams.h"

namespace host_gpu {
namespace {

std::unordered_map<std::string, const Kernel*>& kernels() {
  static auto* const all = new std::unordered_map<std::string, const Kernel*>;
  return *all;
}

// The kernel behind a host function, or its name where nobody translated it.
struct Function {
  std::string name;
  const Kernel* kernel;
};
std::unordered_map<const void*, Function>& functions() {
  static auto* const all = new std::unordered_map<const void*, Function>;
  return *all;
}

struct Configuration {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<Configuration> configurations;

constexpr size_t kMostShared = 48 << 10;  // what a launch gets without asking for more

cudaError_t launch(const void* function, dim3 grid, dim3 block, void** arguments, size_t shared, cudaStream_t stream) {
  const Function& called = functions().at(function);
  if (!called.kernel) fail(called.name + " was not translated");
  const Kernel& kernel = *called.kernel;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || threads > kernel.most_threads || block.z > 64 || grid.x == 0 || grid.y == 0 ||
      grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return keep(cudaErrorInvalidConfiguration);
  if (kernel.static_shared + shared > kMostShared) return keep(cudaErrorInvalidValue);
  std::vector<char> params;
  for (size_t i = 0; i < kernel.params.size(); ++i) {
    const Kernel::Param& p = kernel.params[i];
    params.resize(p.offset + p.bytes);
    std::memcpy(params.data() + p.offset, arguments[i], p.bytes);
  }
  const Grid g{{grid.x, grid.y, grid.z},
               {block.x, block.y, block.z},
               kernel.static_shared + static_cast<uint32_t>(shared),
               reversed_order(),
               kernel.name};
  enqueue_kernel(stream, [g, &kernel, params = std::move(params)] { kernel.run(g, params.data()); });
  return cudaSuccess;
}

}  // namespace

void add_kernel(const Kernel* kernel) { kernels()[kernel->name] = kernel; }
const Kernel* find_kernel(const std::string& name) {
  const auto found = kernels().find(name);
  return found == kernels().end() ? nullptr : found->second;
}

}  // namespace host_gpu

using namespace host_gpu;

extern "C" {

void** __cudaRegisterFatBinary(void*) {
  // Beside this library, and absent while the programs are being built. They announce themselves when loaded.
  static void* const library = dlopen("libhost_kernels.so", RTLD_NOW);
  static void* handle = library;
  return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 0; }
// cuRAND's tables, which no kernel of ours reads: a kernel that does is not translated.
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  functions()[host] = {name, find_kernel(name)};
}
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, CUstream_st* stream) {
  configurations.push_back({grid, block, shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  const Configuration c = configurations.back();
  configurations.pop_back();
  *grid = c.grid, *block = c.block, *shared = c.shared;
  *static_cast<cudaStream_t*>(stream) = c.stream;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
                               cudaStream_t stream) {
  return launch(kernel, grid, block, arguments, shared, stream);
}

}  // extern "C"
