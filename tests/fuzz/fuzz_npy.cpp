// Any bytes as a .npy file: an Error or a consistent result, nothing else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/check.h"
#include "train/files/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const ebm::NpyArray array = ebm::parse_npy(std::as_bytes(std::span(data, size)), "fuzz");
    int64_t elements = 1;
    for (const int64_t edge : array.shape) elements *= edge;
    if (elements != static_cast<int64_t>(array.values.size())) std::abort();
  } catch (const ebm::Error&) {
  }
  return 0;
}
