// The CUDA interface of a build without CUDA: no device is ever found, and nothing else can be reached.
#include "core/check.h"
#include "core/cuda.h"
#include "core/cuda_ranks.h"

namespace ebm::cuda {
namespace {

[[noreturn]] void absent(const char* what) { EBM_FAIL(what, "a CUDA device", "a build with CUDA (this one has none)"); }

}  // namespace

int device_count() { return 0; }
std::string available_text() { return "a build with CUDA (this one has none)"; }
std::string device_name(int) { absent("device_name"); }
std::string device_id(int) { absent("device_id"); }
void synchronize(int) { absent("synchronize"); }
void* stream(int) { absent("stream"); }
void* allocate(int, size_t) { absent("allocate"); }
void release(int, void*) {}
MemoryInfo memory_info(int) { absent("memory_info"); }
void copy_to_device(int, void*, const void*, size_t) { absent("copy"); }
void copy_to_host(int, void*, const void*, size_t) { absent("copy"); }
void copy_on_device(int, void*, const void*, size_t) { absent("copy"); }
void fill_zero(int, void*, size_t) { absent("fill"); }
bool capturing(int) { absent("graph"); }
void begin_capture(int) { absent("graph"); }
void* end_capture(int, int64_t&) { absent("graph"); }
void abandon_capture(int) noexcept {}
void launch_graph(int, void*) { absent("graph"); }
void release_graph(void*) noexcept {}
void* create_event(int) { absent("event"); }
void release_event(void*) noexcept {}
void record_event(int, void*) { absent("event"); }
void wait_for_event(void*) { absent("event"); }
double seconds_between(void*, void*) { absent("event"); }
void* side_stream(int) { absent("stream"); }
void order(void*, void*, void*) { absent("event"); }
void* allocate_pinned(int, size_t) { absent("allocate_pinned"); }
void release_pinned(void*) noexcept {}
void copy_beside(int, void*, const void*, size_t, void*, void*) { absent("copy"); }
void copy_to_pinned(int, void*, const void*, size_t) { absent("copy"); }
void await(int, void*) { absent("event"); }

}  // namespace ebm::cuda
