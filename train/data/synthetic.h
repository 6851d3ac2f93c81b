// A data set that needs no files: for tests, CI and a first look.
#pragma once

#include <cstdint>

#include "train/files/image_set.h"

namespace ebm {

// `count` images of 28x28x1: bright soft strokes on black, like handwriting in size, place and
// width. The label is the shape: 0 ring, 1 stroke, 2 cross, 3 corner, evenly mixed. A pure
// function: image n depends on n and `stream` only; different streams give different images.
ImageSet synthetic_images(int64_t count, uint32_t stream);

}  // namespace ebm
