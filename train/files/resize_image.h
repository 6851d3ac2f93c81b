// Images in another size.
#pragma once

#include "train/files/image_set.h"

namespace ebm {

// One image in height × width pixels by a cubic filter (Catmull-Rom), of the pixels as they are stored. Where the image
// shrinks the filter is as much wider, so that what is finer than the new pixels is averaged and leaves no pattern. Throws
// Error for more than one image, or sizes that are none.
ImageSet resize_image(const ImageSet& image, int64_t height, int64_t width);

}  // namespace ebm
