// The real images that samples are compared with.
#pragma once

#include <cstdint>
#include <vector>

#include "train/data/dataset.h"

namespace ebm {

// Images `first` to `first + count` of a data set, (count, H, W, C), in a random order that is the same for every
// model and seed. Two ranges that do not meet have no image in common.
std::vector<uint8_t> reference_images(const Dataset& dataset, int64_t first, int64_t count);

}  // namespace ebm
