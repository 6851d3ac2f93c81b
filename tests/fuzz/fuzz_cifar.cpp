// Any bytes as a CIFAR-10 batch: an Error or a consistent result, nothing else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/check.h"
#include "train/data/cifar.h"

namespace {

void parse(std::span<const std::byte> file) {
  try {
    const ebm::ImageSet set = ebm::parse_cifar_batch(file, "fuzz");
    if (static_cast<int64_t>(set.pixels.size()) != set.count * set.image_elements() ||
        static_cast<int64_t>(set.labels.size()) != set.count) {
      std::abort();
    }
  } catch (const ebm::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  parse(file);
  // Almost no random size is a multiple of 3073: the same bytes padded to whole records reach the
  // rest.
  std::vector<std::byte> padded(file.begin(), file.end());
  padded.resize((size / ebm::kCifarRecordBytes + 1) * ebm::kCifarRecordBytes);
  parse(padded);
  return 0;
}
