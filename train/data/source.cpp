#include "train/data/source.h"

#include "core/check.h"

namespace ebm {

std::vector<SourcePart> LabelledImages::parts() const {
  const ImageShape image = dataset_.images.shape();
  return {{"x", {image.height, image.width, image.channels}}};
}

void LabelledImages::fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
                          std::span<float* const> out) const {
  EBM_CHECK(out.size() == 1, "images", std::to_string(out.size()) + " parts", "one, x");
  const std::vector<int64_t> indices = batch_indices(seed, iteration, batch, count());
  fill_batch(dataset_, std::span(indices).subspan(static_cast<size_t>(first), static_cast<size_t>(n)), out[0]);
}

}  // namespace ebm
