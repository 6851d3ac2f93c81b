// Images and what is known of them: the batches that completion learns from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "train/data/mask.h"
#include "train/data/source.h"

namespace ebm {

// What a completion is given, (N, H, W, C + 1): the images (N, H, W, C) in [-1, 1] with 0, grey, in the hole, and as last
// channel the holes (N, H, W) themselves, 1 in the hole and 0 elsewhere: a mask channel tells a hole from what is grey.
// Throws Error where the two are of other sizes.
std::vector<float> conditions(std::span<const float> images, ImageShape image, std::span<const uint8_t> holes);

// "x" (H, W, C) of another source, and "c" (H, W, C + 1), its conditions(). Each row of a batch has the hole that the mask
// gives for its global place, so that every share of the rows sees the same.
class MaskedImages : public Source {
 public:
  // Throws Error for a source of other parts than x (H, W, C), or of another size than the mask's.
  MaskedImages(std::unique_ptr<const Source> images, Mask mask);

  std::vector<SourcePart> parts() const override;
  int64_t count() const override { return images_->count(); }
  void fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
            std::span<float* const> out) const override;

 private:
  std::unique_ptr<const Source> images_;
  Mask mask_;
  ImageShape image_;
};

// The source of images, with the holes that this text names (train/data/mask.h); "": without, as they are.
std::unique_ptr<const Source> with_holes(std::unique_ptr<const Source> images, const std::string& hole);

}  // namespace ebm
