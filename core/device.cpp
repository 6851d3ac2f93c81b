#include "core/device.h"

#include <omp.h>

#include <cstdlib>
#include <fstream>

#include "core/check.h"
#include "core/cuda.h"

namespace ebm {
namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "CPU";
}

}  // namespace

std::string to_string(Device device) { return device.is_cuda() ? "cuda:" + std::to_string(device.index) : "cpu"; }

Device parse_device(const std::string& text) {
  const int count = cuda_device_count();
  if (text == "auto") return count > 0 ? Device{DeviceType::cuda, 0} : kCpu;
  if (text == "cpu") return kCpu;
  if (text != "cuda" && !text.starts_with("cuda:")) EBM_FAIL("device", "\"" + text + "\"", "auto, cpu, cuda or cuda:N");
  int index = 0;
  if (text.size() > 4) {
    const std::string digits = text.substr(5);
    EBM_CHECK(!digits.empty() && digits.size() < 4 && digits.find_first_not_of("0123456789") == std::string::npos,
              "device", "\"" + text + "\"", "auto, cpu, cuda or cuda:N");
    index = std::stoi(digits);
  }
  EBM_CHECK(index < count, "device", "\"" + text + "\"",
            cuda::available_text() + (count > 0 ? "" : "; use --device cpu"));
  return {DeviceType::cuda, index};
}

std::string describe(Device device) {
  if (device.is_cuda()) return cuda::device_name(device.index);
  return cpu_name() + ", " + std::to_string(num_threads()) + " threads";
}

int cuda_device_count() {
  static const int count = cuda::device_count();
  return count;
}

void synchronize(Device device) {
  if (device.is_cuda()) cuda::synchronize(device.index);
}

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value && std::string(value) == "1";
}

bool sync_after_launch() {
  static const bool on = is_set("EBM_SYNC");
  return on;
}

int num_cores() { return omp_get_num_procs(); }

int num_threads() { return omp_get_max_threads(); }

void set_num_threads(int n) {
  static const int all = omp_get_max_threads();
  omp_set_num_threads(n > 0 ? n : all);
}

}  // namespace ebm
