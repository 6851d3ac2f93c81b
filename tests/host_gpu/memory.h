// The memory of the host GPU, beyond what kernels see of it (device.h). Callers hold the lock of streams.h.
#pragma once

#include "device.h"

namespace host_gpu {

void* allocate(size_t bytes);  // nullptr: there is no more
bool release(void* pointer);   // false: nothing begins there
void* allocate_pinned(size_t bytes);
bool release_pinned(void* pointer);
bool is_pinned(const void* pointer, size_t bytes);
size_t free_bytes();
size_t total_bytes();  // HOST_GPU_MEMORY, 6 GiB without it

}  // namespace host_gpu
