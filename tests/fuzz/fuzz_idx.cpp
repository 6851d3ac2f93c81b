// Any bytes as an IDX file, raw or gzipped: an Error or a consistent result, nothing else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/check.h"
#include "train/data/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    const ebm::ImageSet set = ebm::parse_idx_images(file, "fuzz");
    if (static_cast<int64_t>(set.pixels.size()) != set.count * set.image_elements()) std::abort();
  } catch (const ebm::Error&) {
  }
  try {
    if (ebm::parse_idx_labels(file, "fuzz").empty()) std::abort();
  } catch (const ebm::Error&) {
  }
  return 0;
}
