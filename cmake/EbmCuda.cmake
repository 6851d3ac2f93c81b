# Decides whether the CUDA backend is built. Sets EBM_HAVE_CUDA; where it is ON, the CUDA language is
# enabled as C++20 and ebm::cuda_libs carries the CUDA runtime and cuDNN.
#   EBM_CUDA=AUTO  built when nvcc, cuDNN, cuBLASLt and cuRAND are all there; says what is missing otherwise
#   EBM_CUDA=ON    as AUTO, but a missing piece stops the configure
#   EBM_CUDA=OFF   nothing is looked for
# With EBM_HOST_GPU=ON the CUDA code runs on the processor: kernels translated from their PTX, stand-ins for the CUDA
# runtime, cuDNN and cuBLASLt (tests/host_gpu). It needs nvcc and no GPU, and says nothing about speed.
set(EBM_HAVE_CUDA OFF CACHE INTERNAL "whether the CUDA backend is built")
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
  foreach(library cublasLt curand)
    if(NOT TARGET CUDA::${library})
      list(APPEND EBM_CUDA_MISSING ${library})
    endif()
  endforeach()
  find_path(CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR} PATH_SUFFIXES lib lib64)
  if(NOT CUDNN_INCLUDE_DIR OR NOT CUDNN_LIBRARY)
    list(APPEND EBM_CUDA_MISSING cuDNN)
  endif()
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
# either: a program that needs it does not start on a machine without a driver.
if(EBM_HOST_GPU)
  set(EBM_CUBLASLT_SONAME libhost_gpu.so)
  set(EBM_CUBLASLT_LIBRARY libhost_gpu.so)
  set(EBM_CUDA_LINKED host_gpu)
else()
  set(EBM_CUBLASLT_SONAME libcublasLt.so.${CUDAToolkit_VERSION_MAJOR})
  get_target_property(EBM_CUBLASLT_LIBRARY CUDA::cublasLt IMPORTED_LOCATION)
  set(EBM_CUDA_LINKED CUDA::cudart_static ${CUDNN_LIBRARY})
endif()
set_source_files_properties(kernels/cublaslt_cuda.cpp PROPERTIES COMPILE_DEFINITIONS
  "EBM_CUBLASLT_SONAME=\"${EBM_CUBLASLT_SONAME}\";EBM_CUBLASLT_LIBRARY=\"${EBM_CUBLASLT_LIBRARY}\"")
add_library(ebm_cuda_libs INTERFACE)
add_library(ebm::cuda_libs ALIAS ebm_cuda_libs)
target_include_directories(ebm_cuda_libs SYSTEM INTERFACE
  ${CUDNN_INCLUDE_DIR} ${CUDAToolkit_INCLUDE_DIRS})
target_link_libraries(ebm_cuda_libs INTERFACE ${EBM_CUDA_LINKED} CUDA::nvtx3 ${CMAKE_DL_LIBS})
set(EBM_HAVE_CUDA ON CACHE INTERNAL "whether the CUDA backend is built")
message(STATUS "ebm: CUDA ${CMAKE_CUDA_COMPILER_VERSION} backend for ${CMAKE_CUDA_ARCHITECTURES}")
