// Images for the commands, from wherever the user keeps them.
#pragma once

#include <string>
#include <vector>

#include "core/image_shape.h"

namespace ebm {

// Images in [-1, 1] with what identifies each in a table.
struct ImageInput {
  std::vector<float> pixels;       // (N, H, W, C)
  std::string column;              // heading of names, "label" or "file", or ""
  std::vector<std::string> names;  // (N), or empty
};

// `what` is an image, a .npy file, a folder of images, or a data set, of which it is the test images (fetched
// if none is there; `data` is the --data option). Throws Error naming `flag` where it is none of these or of
// another shape.
ImageInput load_image_input(const std::string& flag, const std::string& what, const std::string& data,
                            ImageShape shape);

}  // namespace ebm
