// The classifier of each data set and how it is trained.
#pragma once

#include <string>

#include "tools/evaluate/classifier.h"

namespace ebm {

struct ClassifierRecipe {
  NetworkConfig network;
  int64_t epochs = 1;
  int64_t batch = 128;
  double lr = 1e-3;     // Adam's at first; falls to 0 as 1 − 3t² + 2t³, t the share of the training that is done
  int64_t shift = 0;    // training images are moved by up to this many pixels either way
  bool mirror = false;  // and every other one is mirrored left to right
  uint64_t seed = 1;
};

// Of any change to a recipe or to the training: files of another version are refused.
inline constexpr int kClassifierVersion = 2;

// mnist, fashion, cifar10 or synthetic; throws Error for another name.
ClassifierRecipe classifier_recipe(const std::string& dataset);

}  // namespace ebm
