// A data set without one of its classes, to learn from, and what tells afterwards whether a model notices that class:
// the protocol of Zenati et al. (2018), "Efficient GAN-based anomaly detection", whose code drew the split anew for the
// test and so tested on images that it had trained on; here it is one split, the same for every seed.
#pragma once

#include "train/data/dataset.h"

namespace ebm {

inline constexpr double kHeldOutTrainShare = 0.8;  // of the other classes' images

struct HeldOut {
  Dataset train;   // kHeldOutTrainShare of the images of other classes, training and test images pooled
  Dataset normal;  // the rest of them
  Dataset held;    // all images of the class that was held out
};
// Throws Error for a label that no image has.
HeldOut hold_out(const Dataset& train, const Dataset& test, int64_t label);

}  // namespace ebm
