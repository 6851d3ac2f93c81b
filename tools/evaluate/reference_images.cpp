#include "tools/evaluate/reference_images.h"

#include "core/check.h"

namespace ebm {

std::vector<uint8_t> reference_images(const Dataset& dataset, int64_t first, int64_t count) {
  EBM_CHECK(first >= 0 && count >= 0 && first + count <= dataset.count(), "reference images",
            std::to_string(first) + " to " + std::to_string(first + count),
            "at most the " + std::to_string(dataset.count()) + " of " + dataset.name);
  constexpr uint64_t kSeed = 0;  // whatever the run's
  const int64_t elements = dataset.images.image_elements();
  std::vector<uint8_t> levels;
  levels.reserve(static_cast<size_t>(count * elements));
  for (int64_t i = first; i < first + count; ++i) {
    const auto image = dataset.images.pixels.begin() + permuted_index(kSeed, 0, i, dataset.count()) * elements;
    levels.insert(levels.end(), image, image + elements);
  }
  return levels;
}

}  // namespace ebm
