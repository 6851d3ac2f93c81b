// Images for the commands, from wherever the user keeps them.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "core/image_shape.h"

namespace ebm {

// Images in [-1, 1] with what identifies each in a table.
struct ImageInput {
  std::vector<float> pixels;  // (N, H, W, C)
  ImageShape shape;
  std::string column;              // heading of names, "label" or "file", or ""
  std::vector<std::string> names;  // (N), or empty
};

// --range, which says what floats of .npy files mean.
void add_range_option(CLI::App& command, std::string& range);

// `what` is an image, a .npy file, a folder of images, or a data set, of which it is the test images (fetched
// if none is there; `data` is the --data option). Pixels of images and uint8 arrays are scaled to [-1, 1]; floats are taken
// as they are, or from --range, "LOW,HIGH". A shape of zeros takes the first image's. Throws Error naming `flag` where it
// is none of these or of another shape, and where floats without a range are not what they would be taken for: beyond [-1.3, 1.3], or in [0, 1] all of them.
// With `fit`, for a model of a folder of images, files may be larger than the shape: they become what that folder's test
// images are (train/data/image_folder.h).
ImageInput load_image_input(const std::string& flag, const std::string& what, const std::string& data,
                            const std::string& range, ImageShape shape, bool fit = false);

}  // namespace ebm
