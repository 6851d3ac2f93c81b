// A network whose outputs the feature scores compare images by.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/image_shape.h"

namespace ebm {

class FeatureNetwork {
 public:
  struct Values {
    std::vector<float> features;  // (n, F)
    std::vector<float> logits;    // (n, classes), before the softmax
  };

  virtual ~FeatureNetwork() = default;
  virtual int64_t features() const = 0;  // F
  virtual int64_t classes() const = 0;
  virtual int64_t batch() const = 0;  // how many images to give it at once
  // levels (n,H,W,C): 8-bit pixels.
  virtual Values values(std::span<const uint8_t> levels, ImageShape image) const = 0;
};

}  // namespace ebm
