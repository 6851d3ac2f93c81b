// Which device a tensor lives on and an op runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ebm {

enum class DeviceType { cpu, cuda };

struct Device {
  DeviceType type = DeviceType::cpu;
  int index = 0;

  bool is_cuda() const { return type == DeviceType::cuda; }
  bool operator==(const Device&) const = default;
};

inline constexpr Device kCpu{};

// "cpu" or "cuda:1".
std::string to_string(Device device);

// Reads auto | cpu | cuda | cuda:N. `auto` is the first GPU if there is one, else the CPU. Throws Error
// for another word, for a GPU that is not there, and for cuda in a build without CUDA.
Device parse_device(const std::string& text);

// The device's own name, as in "NVIDIA H100 80GB HBM3" or "AMD EPYC, 2 threads".
std::string describe(Device device);

// Number of usable GPUs; 0 without a driver, without a GPU and in a build without CUDA. Never throws.
int cuda_device_count();

// Waits until all work given to the device has ended. Throws Error if some of it failed.
void synchronize(Device device);

// Whether the environment variable is 1.
bool is_set(const char* variable);

// Whether each kernel launch is followed by a wait, so that an error is reported where it happened:
// environment variable EBM_SYNC=1.
bool sync_after_launch();

// Threads that CPU kernels use; n <= 0 restores the default (all cores, or OMP_NUM_THREADS).
int num_cores();  // that this process may run on
int num_threads();
void set_num_threads(int n);

}  // namespace ebm
