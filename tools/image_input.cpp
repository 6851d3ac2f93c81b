#include "tools/image_input.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "train/files/image_file.h"
#include "train/files/npy.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

void append(const ImageSet& set, ImageInput& images) {
  for (const uint8_t pixel : set.pixels) images.pixels.push_back(to_float(pixel));
}

// An image or a folder of them, each under its name.
ImageInput load_files(const fs::path& path, ImageShape shape) {
  ImageInput images;
  images.column = "file";
  for (const fs::path& file : image_files(path)) {
    append(load_images(file, shape), images);
    images.names.push_back(file.filename().string());
  }
  return images;
}

ImageInput load_npy(const std::string& flag, const fs::path& path, ImageShape shape) {
  NpyArray array = read_npy(path);
  const std::vector<int64_t> wanted{array.shape.empty() ? 0 : array.shape[0], shape.height, shape.width,
                                    shape.channels};
  EBM_CHECK(array.shape == wanted && wanted[0] > 0, flag, path.string() + " of another shape",
            fmt::format("(N, {}, {}, {})", shape.height, shape.width, shape.channels));
  ImageInput images;
  images.pixels = std::move(array.values);
  return images;
}

}  // namespace

ImageInput load_image_input(const std::string& flag, const std::string& what, const std::string& data,
                            ImageShape shape) {
  const std::vector<std::string>& names = dataset_names();
  if (std::find(names.begin(), names.end(), what) != names.end()) {
    const Dataset dataset =
        load_or_fetch(what, data, Split::test, [](const std::string& line) { fmt::print("{}\n", line); });
    EBM_CHECK(dataset.images.shape() == shape, flag,
              fmt::format("{} with images of {}x{}x{}", what, dataset.images.height, dataset.images.width,
                          dataset.images.channels),
              fmt::format("{}x{}x{}, the model's", shape.height, shape.width, shape.channels));
    if (!dataset.note.empty()) fmt::print("note: {}\n", dataset.note);
    ImageInput images;
    images.column = "label";
    append(dataset.images, images);
    for (const uint8_t label : dataset.images.labels) images.names.push_back(std::to_string(label));
    return images;
  }
  EBM_CHECK(fs::exists(what), flag, what + ", which is not there",
            "an image, a .npy file, a folder of images or the name of a data set");
  if (fs::path(what).extension() == ".npy") return load_npy(flag, what, shape);
  return load_files(what, shape);
}

}  // namespace ebm
