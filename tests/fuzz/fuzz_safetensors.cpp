// Any bytes as a safetensors file: an Error or tensors that add up to the file, nothing else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "core/check.h"
#include "train/files/safetensors.h"

namespace {

void parse(std::span<const std::byte> file) {
  try {
    const ebm::SafetensorsFile parsed = ebm::parse_safetensors(file, "fuzz");
    size_t total = 0;
    for (const auto& [name, entry] : parsed.tensors) {
      int64_t bytes = ebm::safetensors_dtype_size(entry.dtype);
      for (const int64_t edge : entry.shape) bytes *= edge;
      if (bytes != static_cast<int64_t>(entry.data.size())) std::abort();
      total += entry.data.size();
    }
    if (total > file.size()) std::abort();
  } catch (const ebm::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  parse(file);
  // The length in front is hard to guess: also the same bytes as header and eight bytes of data.
  std::string framed;
  for (size_t i = 0; i < 8; ++i) framed.push_back(static_cast<char>(size >> 8 * i & 0xff));
  framed.append(reinterpret_cast<const char*>(data), size).append(8, 'x');
  parse(std::as_bytes(std::span(framed)));
  return 0;
}
