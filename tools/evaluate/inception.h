// The network behind FID: Inception v3 as published on 2015-12-05 (Szegedy et al. 2015) and as FID is computed with
// it (Heusel et al. 2017), weights from a file. It differs from later Inceptions: averages over windows leave the border
// out, the last block takes a maximum in an average's place, and there are 1008 classes.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/tensor.h"
#include "tools/evaluate/feature_network.h"
#include "train/files/safetensors.h"

namespace ebm {

class Inception final : public FeatureNetwork {
 public:
  static constexpr int64_t kSide = 299, kFeatures = 2048, kClasses = 1008;
  static constexpr int64_t kSmallestSide = 75;  // of an image that the network can take

  // file: the tensors of PyTorch's file by their names, as tools/scripts/inception_weights.py writes them. Batch
  // normalisation is folded into the convolutions in fp64. Throws Error for a file of any other network.
  Inception(const SafetensorsFile& file, Device device);

  // Is shown each part's output by the part's name, as in "Mixed_5b.branch1x1" (N,P,Q,K).
  using Observer = std::function<void(const std::string& part, const Tensor& value)>;
  struct Parts {
    Tensor features;  // (N, 2048): the last block's mean over places, "pool3"
    Tensor logits;    // (N, 1008), without the bias, as inception scores are computed
  };
  // x (N,H,W,3) in [-1, 1), sides of at least kSmallestSide.
  Parts forward(const Tensor& x, const Observer& observe = {}) const;

  int64_t features() const override { return kFeatures; }
  int64_t classes() const override { return kClasses; }
  int64_t batch() const override { return 20; }
  // Grey images take all three channels; every image is resized to 299 × 299; levels become (level − 128)/128.
  Values values(std::span<const uint8_t> levels, ImageShape image) const override;

 private:
  struct Convolution {
    Tensor w;  // (K,R,S,C)
    Tensor b;  // (K)
  };
  std::map<std::string, Convolution> convolutions_;
  Tensor head_;  // (1008, 2048)
  Device device_;

  class Pass;  // a batch's way through the network
};

}  // namespace ebm
