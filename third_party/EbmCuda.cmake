# Decides whether the CUDA backend is built. Sets EBM_HAVE_CUDA; where it is ON, the CUDA language is
# enabled as C++20 and ebm::cuda_libs carries the CUDA runtime and cuDNN.
#   EBM_CUDA=AUTO  built when nvcc, cuDNN, cuBLASLt and the headers of cuRAND and NVTX are all there; says
#                  what is missing otherwise
#   EBM_CUDA=ON    as AUTO, but a missing piece stops the configure
#   EBM_CUDA=OFF   nothing is looked for
#   EBM_CUDA_ROOTS folders with include/ and lib/ where pieces are looked for that the toolkit lacks, such as
#                  nvidia/cu13 and nvidia/cudnn of a Python that has PyTorch
# With EBM_HOST_GPU=ON the CUDA code runs on the processor: kernels translated from their PTX, stand-ins for the CUDA
# runtime, cuDNN and cuBLASLt (tests/host_gpu). It needs nvcc 13 and no GPU, and says nothing about speed.
set(EBM_CUDA_ROOTS "" CACHE STRING "Folders with include/ and lib/ for what the CUDA toolkit lacks")

# Finds headers and libraries, the toolkit's own before those of EBM_CUDA_ROOTS, and adds what is not there to
# EBM_CUDA_MISSING.
function(ebm_find_cuda_pieces)
  # Python's packages have libcudnn.so.9 but no libcudnn.so.
  set(CMAKE_FIND_LIBRARY_SUFFIXES .so .so.9 .so.${CUDAToolkit_VERSION_MAJOR})
  set(places HINTS ${CUDAToolkit_INCLUDE_DIRS} ${CUDAToolkit_LIBRARY_DIR} PATHS ${EBM_CUDA_ROOTS}
    PATH_SUFFIXES include lib)
  find_path(CUBLASLT_INCLUDE_DIR cublasLt.h ${places})
  find_library(CUBLASLT_LIBRARY cublasLt ${places})
  find_path(CURAND_INCLUDE_DIR curand_philox4x32_x.h ${places})
  find_path(NVTX_INCLUDE_DIR nvtx3/nvToolsExt.h ${places})
  find_path(CUDNN_INCLUDE_DIR cudnn.h ${places})
  find_library(CUDNN_LIBRARY cudnn ${places})
  set(CMAKE_FIND_LIBRARY_SUFFIXES .so.2)
  find_library(NCCL_LIBRARY nccl ${places})  # nothing is missing without it
  # 9.8 is the first that describes a GPU's properties, which plans are made for (kernels/conv/conv_execution_cuda.h).
  if(CUDNN_INCLUDE_DIR AND EXISTS ${CUDNN_INCLUDE_DIR}/cudnn_version.h)
    file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h version REGEX "^#define CUDNN_(MAJOR|MINOR) ")
    list(TRANSFORM version REPLACE "[^0-9]" "")
    list(JOIN version "." EBM_CUDNN_VERSION)
    set(EBM_CUDNN_VERSION ${EBM_CUDNN_VERSION} PARENT_SCOPE)
    if(EBM_CUDNN_VERSION VERSION_LESS 9.8)
      list(APPEND EBM_CUDA_MISSING "cuDNN >= 9.8 (${EBM_CUDNN_VERSION} is there)")
    endif()
  endif()
  foreach(piece cublasLt.h:CUBLASLT_INCLUDE_DIR libcublasLt:CUBLASLT_LIBRARY cudnn.h:CUDNN_INCLUDE_DIR
      libcudnn:CUDNN_LIBRARY curand_philox4x32_x.h:CURAND_INCLUDE_DIR nvtx3/nvToolsExt.h:NVTX_INCLUDE_DIR)
    string(REPLACE ":" ";" piece ${piece})
    list(GET piece 0 name)
    list(GET piece 1 variable)
    if(NOT ${variable})
      list(APPEND EBM_CUDA_MISSING ${name})
    endif()
  endforeach()
  set(EBM_CUDA_MISSING "${EBM_CUDA_MISSING}" PARENT_SCOPE)
endfunction()

set(EBM_HAVE_CUDA OFF)
set(EBM_NVCC_VERSION "" CACHE INTERNAL "of the CUDA backend that is built; empty without one")
if(EBM_CUDA STREQUAL "OFF")
  message(STATUS "ebm: CPU backend only (EBM_CUDA=OFF)")
  return()
endif()

# check_language() knows PATH and CUDACXX only: look where toolkits usually are as well.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(EBM_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  if(EBM_NVCC)
    set(CMAKE_CUDA_COMPILER "${EBM_NVCC}" CACHE FILEPATH "CUDA compiler")
  endif()
endif()
include(CheckLanguage)
check_language(CUDA)

set(EBM_CUDA_MISSING "")
if(NOT CMAKE_CUDA_COMPILER)
  list(APPEND EBM_CUDA_MISSING nvcc)
endif()
find_package(CUDAToolkit 12.0 QUIET)
if(NOT CUDAToolkit_FOUND)
  list(APPEND EBM_CUDA_MISSING "CUDA toolkit >= 12.0")
else()
  ebm_find_cuda_pieces()
endif()
if(EBM_CUDA_MISSING)
  list(JOIN EBM_CUDA_MISSING ", " EBM_CUDA_MISSING)
  if(EBM_CUDA STREQUAL "ON")
    message(FATAL_ERROR "EBM_CUDA=ON, but not found: ${EBM_CUDA_MISSING}")
  endif()
  message(STATUS "ebm: CPU backend only, not found: ${EBM_CUDA_MISSING}")
  return()
endif()

if(EBM_HOST_GPU)
  set(CMAKE_CUDA_ARCHITECTURES 90-virtual)           # PTX alone,
  string(APPEND CMAKE_CUDA_FLAGS " --compress-mode=none")  # as text
  set(CMAKE_CUDA_RUNTIME_LIBRARY None)
elseif(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "80;90" CACHE STRING "GPU generations to compile for")
endif()
enable_language(CUDA)
if(EBM_HOST_GPU AND CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13.0)
  message(FATAL_ERROR "EBM_HOST_GPU=ON needs nvcc 13 or later; this is ${CMAKE_CUDA_COMPILER_VERSION}")
endif()
# CMake before 3.25.2 has no C++20 flag for nvcc. Without these lines the generate step stops or, where
# the standard is not required, silently compiles C++17.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_COMPILE_FEATURES cuda_std_20)
  list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)

# cuBLASLt is not linked: mapping its half gigabyte would cost every process 0.1 s and 200 MB, also where
# there is no GPU. kernels/cublaslt_cuda.cpp opens it at its first product on a GPU. libcuda is not linked
# either: a program that needs it does not start on a machine without a driver. NCCL is opened by runs on several GPUs
# (core/nccl_runtime.cpp), and nothing of it is needed to build.
if(EBM_HOST_GPU)
  set(EBM_CUBLASLT_SONAME libhost_gpu.so)
  set(CUBLASLT_LIBRARY libhost_gpu.so)
  set(EBM_NCCL_SONAME libhost_gpu.so)
  set(EBM_NCCL_PATH "")
  set(EBM_CUDA_LINKED host_gpu)
else()
  set(EBM_CUBLASLT_SONAME libcublasLt.so.${CUDAToolkit_VERSION_MAJOR})
  set(EBM_NCCL_SONAME libnccl.so.2)
  set(EBM_NCCL_PATH "")
  if(NCCL_LIBRARY)
    set(EBM_NCCL_PATH ${NCCL_LIBRARY})
  endif()
  set(EBM_CUDA_LINKED CUDA::cudart_static ${CUDNN_LIBRARY})
endif()
add_library(ebm_cuda_libs INTERFACE)
add_library(ebm::cuda_libs ALIAS ebm_cuda_libs)
# The toolkit's own first: a folder of Python's packages holds headers of another toolkit as well.
target_include_directories(ebm_cuda_libs SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS}
  ${CUDNN_INCLUDE_DIR} ${CUBLASLT_INCLUDE_DIR} ${CURAND_INCLUDE_DIR} ${NVTX_INCLUDE_DIR})
target_link_libraries(ebm_cuda_libs INTERFACE ${EBM_CUDA_LINKED} ${CMAKE_DL_LIBS})
set(EBM_HAVE_CUDA ON)
set(EBM_NVCC_VERSION ${CMAKE_CUDA_COMPILER_VERSION} CACHE INTERNAL "")
message(STATUS "ebm: CUDA ${CMAKE_CUDA_COMPILER_VERSION} backend for ${CMAKE_CUDA_ARCHITECTURES}")
