// A small ConvNet that tells the classes of a data set apart. What its last but one layer computes are the
// `classifier` features of the scores.
#pragma once

#include <vector>

#include "models/sequence.h"
#include "tools/evaluate/feature_network.h"

namespace ebm {

class Classifier final : public FeatureNetwork {
 public:
  // The layers end in a dense one with leaky ReLU, whose outputs are the features, a Dropout, and a dense one with an
  // output for each class. Nothing in them may depend on the other images of a batch.
  Classifier(const NetworkConfig& config, Device device, uint64_t seed) : layers_(config, device, seed) {}

  struct Output {
    Var features;  // (N, F)
    Var logits;    // (N, classes), before the softmax
  };
  Output operator()(const Var& x) const;  // x (N,H,W,C) in [-1, 1]

  int64_t features() const override { return layers_.places()[logits_begin()].x[1]; }
  int64_t classes() const override { return layers_.output()[1]; }
  int64_t batch() const override { return 500; }
  // Throws Error unless the images have the classifier's shape.
  Values values(std::span<const uint8_t> levels, ImageShape image) const override;

  ImageShape image() const { return image_of(layers_.config().input); }
  Device device() const { return parameters().flat().device(); }
  Parameters& parameters() { return layers_.parameters(); }
  const Parameters& parameters() const { return layers_.parameters(); }

 private:
  size_t logits_begin() const { return layers_.places().size() - 2; }  // the layers after the features

  Sequence layers_;
};

}  // namespace ebm
