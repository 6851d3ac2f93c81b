// What ranks on GPUs need of the CUDA runtime beside core/cuda.h, and as that: cuda_runtime.cpp, cuda_absent.cpp.
#pragma once

#include <string>

namespace ebm::cuda {

// Hexadecimal; no other GPU has it, of this machine or another.
std::string device_id(int index);

// The one stream (a cudaStream_t) for sums between GPUs beside the compute stream's work.
void* side_stream(int index);
// The event comes when the stream has done what it was given so far.
void record(void* event, void* stream);
// All later work of the stream waits for the event, also where they are recorded as a graph: a stream that waits for a
// recorded one's is recorded from then on.
void wait_for(void* stream, void* event);
// Both: later work of the stream `then` waits for that of `first`.
void order(void* first, void* event, void* then);

}  // namespace ebm::cuda
