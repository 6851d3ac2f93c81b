// What ranks on GPUs need of the CUDA runtime beside core/cuda.h, and as that: cuda_runtime.cpp, cuda_absent.cpp.
#pragma once

#include <string>

namespace ebm::cuda {

// Hexadecimal; no other GPU has it, of this machine or another.
std::string device_id(int index);

// The one stream (a cudaStream_t) for sums between GPUs beside the compute stream's work.
void* side_stream(int index);
// All later work of the stream `then` waits for what `first` was given so far, also where they are recorded as a graph: a
// stream that waits for a recorded one is recorded from then on. The event is of no other use.
void order(void* first, void* event, void* then);

}  // namespace ebm::cuda
