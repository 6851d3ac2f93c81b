// A GPU that is this machine's processor: what its parts know of each other. Translated kernels (kernel.h) read and
// write its memory (memory.cpp); streams (streams.cpp) decide when they run. It says nothing about speed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace host_gpu {

// ---- kernels ----

struct Grid {
  uint32_t blocks[3], threads[3];
  uint32_t shared_bytes;  // static and dynamic
  bool reversed;          // blocks, warps and threads in reverse order
  const char* name;
};

struct Kernel {
  struct Param {
    uint32_t offset, bytes;
  };
  const char* name;
  void (*run)(const Grid&, const char* params);
  uint32_t static_shared, most_threads;
  std::vector<Param> params;
};

// For a library of translated kernels, when it is loaded. `kernel` stays where it is.
void add_kernel(const Kernel* kernel);
const Kernel* find_kernel(const std::string& name);  // nullptr: not translated

// ---- memory ----

// It is mapped twice. Under the device's own addresses nothing may be read or written, so that host code which
// follows a device pointer faults; kernels and libraries go through the other view.
constexpr uint64_t kGranule = 256;
extern char* device_base;                           // no access
extern char* device_view;                           // the same memory
extern uint64_t device_bytes;                       // of addresses
extern uint16_t* valid_bytes;                       // of each granule, from its start on
char* pinned_view(uint64_t address, size_t bytes);  // nullptr: not in one piece of pinned memory

// What a kernel finds under an address; nullptr: not one allocation of the device, and not pinned.
inline char* view(uint64_t address, unsigned bytes) {
  const uint64_t offset = address - reinterpret_cast<uint64_t>(device_base);
  if (offset >= device_bytes) return pinned_view(address, bytes);
  return offset % kGranule + bytes <= valid_bytes[offset / kGranule] ? device_view + offset : nullptr;
}
// The same for a library's operand of any size; ends the program with one line that names `who`.
char* checked_view(const void* pointer, size_t bytes, const char* who);

bool is_device(const void* pointer);

// ---- devices ----

// With HOST_GPU_DEVICES=N a machine has N, which all its processes see and which share a memory in each process; without
// it each process has one of its own.
int device_count();
std::string device_id(int device);  // at most 16 characters, no other device's
std::string current_device_id();    // of this thread

// Ends the program: what the program under test did is an error on a GPU.
[[noreturn]] void fail(const std::string& text);

}  // namespace host_gpu
