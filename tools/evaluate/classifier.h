// A small ConvNet that tells the classes of a data set apart. What its last but one layer computes are the
// `classifier` features of the scores.
#pragma once

#include <vector>

#include "core/random.h"
#include "models/config.h"
#include "models/parameters.h"
#include "tools/evaluate/feature_network.h"

namespace ebm {

// Convolutions with leaky ReLU, then a dense layer with leaky ReLU, whose outputs are the features, and a
// linear one with an output for each class. Nothing in it depends on the other images of a batch.
struct ClassifierConfig {
  ImageShape image;
  std::vector<ConvLayer> layers;
  int64_t features = 128;
  int64_t classes = 10;
  float dropout_keep = 0.5f;  // before both dense layers, in training only
  float negative_slope = 0.1f;
};

class Classifier final : public FeatureNetwork {
 public:
  Classifier(const ClassifierConfig& config, Device device, uint64_t seed);

  struct Output {
    Var features;  // (N, F)
    Var logits;    // (N, classes), before the softmax
  };
  // x (N,H,W,C) in [-1, 1]. Dropout masks are drawn from dropout_key; without a key there is none.
  Output operator()(const Var& x, const RandomKey* dropout_key = nullptr) const;

  int64_t features() const override { return config_.features; }
  int64_t classes() const override { return config_.classes; }
  int64_t batch() const override { return 500; }
  // Throws Error unless the images have the classifier's shape.
  Values values(std::span<const uint8_t> levels, ImageShape image) const override;

  const ClassifierConfig& config() const { return config_; }
  Device device() const { return parameters_.flat().device(); }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  ClassifierConfig config_;
  Parameters parameters_;
};

// Mean cross-entropy −log p(label|x) over the batch: (1). one_hot (N, classes): 1 at the label, 0 elsewhere.
Var cross_entropy(const Var& logits, const Tensor& one_hot);

}  // namespace ebm
