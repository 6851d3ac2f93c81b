#include "train/data/cifar.h"

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {

ImageSet parse_cifar_batch(std::span<const std::byte> file, const std::string& name) {
  constexpr const char* kOp = "parse_cifar_batch";
  constexpr int64_t kPlane = kCifarEdge * kCifarEdge;
  const int64_t bytes = static_cast<int64_t>(file.size());
  EBM_CHECK(bytes > 0 && bytes % kCifarRecordBytes == 0, kOp, fmt::format("{}: {} bytes", name, bytes),
            fmt::format("whole records of {} bytes", kCifarRecordBytes));

  ImageSet set{.count = bytes / kCifarRecordBytes,
               .height = kCifarEdge,
               .width = kCifarEdge,
               .channels = kCifarChannels,
               .pixels = {},
               .labels = {}};
  set.pixels.resize(static_cast<size_t>(set.count * set.image_elements()));
  set.labels.resize(static_cast<size_t>(set.count));
  uint8_t* pixel = set.pixels.data();
  for (int64_t n = 0; n < set.count; ++n) {
    const std::byte* record = file.data() + n * kCifarRecordBytes;
    const int label = std::to_integer<int>(record[0]);
    EBM_CHECK(label < kCifarClasses, kOp, fmt::format("{}: label {} in record {}", name, label, n),
              "CIFAR-10 labels from 0 to 9");
    set.labels[static_cast<size_t>(n)] = static_cast<uint8_t>(label);
    const std::byte* planes = record + 1;
    for (int64_t i = 0; i < kPlane; ++i) {
      for (int64_t c = 0; c < kCifarChannels; ++c) {
        *pixel++ = std::to_integer<uint8_t>(planes[c * kPlane + i]);
      }
    }
  }
  return set;
}

}  // namespace ebm
