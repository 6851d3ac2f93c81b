// cuDNN's handle, as both of its interfaces on the host see it.
#pragma once

#include <cudnn.h>

namespace host_gpu {

cudaStream_t stream_of(cudnnHandle_t handle);
constexpr size_t kConvolutionWorkspace = 1000;

}  // namespace host_gpu
