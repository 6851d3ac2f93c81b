// What core needs of the CUDA runtime, as plain functions: cuda_runtime.cpp calls CUDA, cuda_absent.cpp
// throws. CMake picks one of the two, so no other file asks whether CUDA was built in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ebm::cuda {

// 0 if there is no driver, no GPU or no CUDA in this build; never throws.
int device_count();
// What cuda:N may be here, for error messages: "cuda:0 to cuda:3", "a GPU (this machine shows none)",
// "a build with CUDA (this one has none)".
std::string available_text();
std::string device_name(int index);
void synchronize(int index);

// The one compute stream of a device (a cudaStream_t): kernels, copies and the allocator share it, so
// memory can be reused in stream order without waiting. Makes the device current for the calling thread.
void* stream(int index);

// Device memory; allocate returns nullptr when the device has no more.
void* allocate(int index, size_t bytes);
void release(int index, void* memory);
// Free and total bytes of the device.
struct MemoryInfo {
  size_t free = 0, total = 0;
};
MemoryInfo memory_info(int index);

// Copies in stream order. Those to the host wait for the result.
void copy_to_device(int index, void* to, const void* from, size_t bytes);
void copy_to_host(int index, void* to, const void* from, size_t bytes);
void copy_on_device(int index, void* to, const void* from, size_t bytes);
void fill_zero(int index, void* to, size_t bytes);

// Graphs: what the compute stream is given between begin_capture and end_capture is recorded, not run.
// end_capture returns the graph, ready to launch; abandon_capture forgets what was recorded; capturing: between them.
bool capturing(int index);
void begin_capture(int index);
void* end_capture(int index, int64_t& kernels);  // kernels: how many are in it
void abandon_capture(int index) noexcept;
void launch_graph(int index, void* graph);
void release_graph(void* graph) noexcept;

// Events mark a place in a stream's work. In a graph the mark is made anew at every replay.
void* create_event(int index);
void release_event(void* event) noexcept;
void record_event(int index, void* event);       // after what the compute stream was given so far
void wait_for_event(void* event);                // the calling thread waits
double seconds_between(void* begin, void* end);  // of two events that have happened

// Host memory that copies read and write directly.
void* allocate_pinned(int index, size_t bytes);
void release_pinned(void* memory) noexcept;
// Copies pinned memory to the device beside the compute stream's work: begins after the event `after` and
// records `done`. The compute stream's later work waits for `done` through await().
void copy_beside(int index, void* to, const void* from, size_t bytes, void* after, void* done);
// Copies device memory to pinned memory in stream order, without waiting.
void copy_to_pinned(int index, void* to, const void* from, size_t bytes);
void await(int index, void* event);

}  // namespace ebm::cuda
