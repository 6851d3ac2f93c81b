# Where each dependency comes from. All are Debian packages; tools/setup.sh installs them.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)   # g++
find_package(fmt REQUIRED)                     # libfmt-dev: text
find_package(CLI11 REQUIRED)                   # libcli11-dev: flags and config files
find_package(nlohmann_json REQUIRED)           # nlohmann-json3-dev: safetensors headers
find_package(ZLIB REQUIRED)                    # zlib1g-dev: gzipped data sets
find_package(Eigen3 3.3 REQUIRED NO_MODULE)    # libeigen3-dev: eigenvalues and fp64 matrices of the scores
find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb REQUIRED)  # libstb-dev: PNG, JPEG, BMP

# oneDNN, libdnnl-dev. By hand: the package's own CMake file stops the configure when there are no OpenCL
# headers.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
add_library(DNNL::dnnl UNKNOWN IMPORTED)
set_target_properties(DNNL::dnnl PROPERTIES
  IMPORTED_LOCATION "${DNNL_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${DNNL_INCLUDE_DIR}")

