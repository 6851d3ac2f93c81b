#include "tools/image_input.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/check.h"
#include "core/parse_number.h"
#include "tools/data.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"
#include "train/files/npy.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

void append(const ImageSet& set, ImageInput& images) {
  for (const uint8_t pixel : set.pixels) images.pixels.push_back(to_float(pixel));
}

// An image or a folder of them, each under its name.
ImageInput load_files(const fs::path& path, ImageShape shape, bool fit) {
  ImageInput images;
  images.column = "file";
  const bool grey = shape.channels == 1;
  size_t in_colours = 0;
  for (const fs::path& file : image_files(path)) {
    const std::vector<std::byte> bytes = read_file(file, kMaxImageFileBytes);
    ImageSet image = decode_image(bytes, file.string(), fit ? ImageShape{0, 0, shape.channels} : shape);
    if (fit) image = middle_of(shrink_for(image, shape.height, file.string()), shape.height);
    shape = images.shape = image.shape();  // the first one decides what was left open
    append(image, images);
    images.names.push_back(file.filename().string());
    in_colours += in_colour(bytes);
  }
  if (grey && in_colours > 0)
    fmt::print(stderr, "note: {} of {} files in colour, taken as the grey images that the model knows\n", in_colours,
               images.names.size());
  return images;
}

constexpr float kMost = 1.3f;  // of a pixel: chains of samples may leave [-1, 1] a little

// Maps --range "LOW,HIGH" to [-1, 1].
void scale_from(const std::string& range, std::vector<float>& values) {
  const size_t comma = range.find(',');
  const auto low = parse_number<float>(range.substr(0, comma));
  const auto high = comma == std::string::npos ? std::nullopt : parse_number<float>(range.substr(comma + 1));
  EBM_CHECK(low && high && std::isfinite(*low) && std::isfinite(*high) && *low < *high, "--range", "\"" + range + "\"",
            "two numbers, the lower first, as in 0,1");
  for (float& v : values) v = 2 * (v - *low) / (*high - *low) - 1;
}

// That floats are images in [-1, 1], which they are taken for.
void check_range(const std::string& flag, const fs::path& path, const std::vector<float>& values) {
  EBM_CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }), flag,
            path.string() + " with values that are not finite", "numbers");
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const std::string received = fmt::format("{} with values from {:.4g} to {:.4g}", path.string(), *least, *most);
  EBM_CHECK(*least >= -kMost && *most <= kMost, flag, received,
            "pixels in [-1, 1], or --range LOW,HIGH for others, as in --range 0,255");
  EBM_CHECK(*least < 0 || *most > 1, flag, received,
            "pixels in [-1, 1], where the darkest is -1: --range 0,1 if it is 0 here, --range -1,1 if it is not");
}

void note_unread_range(const std::string& range, const std::string& what) {
  if (!range.empty())
    fmt::print(stderr, "note: --range is for floats of .npy files, and does not change how {} is read\n", what);
}

ImageInput load_npy(const std::string& flag, const fs::path& path, const std::string& range, ImageShape shape) {
  NpyArray array = read_npy(path);
  if (array.bytes) note_unread_range(range, path.string());
  const bool any = shape.height == 0 && array.shape.size() == 4 && (array.shape[3] == 1 || array.shape[3] == 3);
  if (any) shape = {array.shape[1], array.shape[2], array.shape[3]};
  const std::vector<int64_t> wanted{array.shape.empty() ? 0 : array.shape[0], shape.height, shape.width,
                                    shape.channels};
  EBM_CHECK(array.shape == wanted && wanted[0] > 0, flag,
            fmt::format("{} of shape ({})", path.string(), fmt::join(array.shape, ", ")),
            shape.height == 0
                ? "(N, H, W, C) with 1 or 3 channels"
                : fmt::format("(N, {}, {}, {}), N of 1 or more", shape.height, shape.width, shape.channels));
  if (array.bytes)
    for (float& v : array.values) v = to_float(static_cast<uint8_t>(v));
  else if (!range.empty())
    scale_from(range, array.values);
  else
    check_range(flag, path, array.values);
  ImageInput images;
  images.pixels = std::move(array.values);
  images.shape = shape;
  return images;
}

}  // namespace

void add_range_option(CLI::App& command, std::string& range) {
  command
      .add_option("--range", range,
                  "what float pixels of a .npy file mean: LOW is black, HIGH white [-1,1; uint8 ones are 0 to 255]")
      ->type_name("LOW,HIGH");
}

ImageInput load_image_input(const std::string& flag, const std::string& what, const std::string& data,
                            const std::string& range, ImageShape shape, bool fit) {
  const std::vector<std::string>& names = dataset_names();
  if (fs::path(what).extension() != ".npy") note_unread_range(range, what);
  if (std::find(names.begin(), names.end(), what) != names.end()) {
    const Dataset dataset =
        load_or_fetch(what, data, Split::test, [](const std::string& line) { fmt::print("{}\n", line); });
    EBM_CHECK(shape.height == 0 || dataset.images.shape() == shape, flag,
              fmt::format("{} with images of {}x{}x{}", what, dataset.images.height, dataset.images.width,
                          dataset.images.channels),
              fmt::format("{}x{}x{}, as the others", shape.height, shape.width, shape.channels));
    if (!dataset.note.empty()) fmt::print("note: {}\n", dataset.note);
    ImageInput images;
    images.column = "label";
    images.shape = dataset.images.shape();
    append(dataset.images, images);
    for (const uint8_t label : dataset.images.labels) images.names.push_back(std::to_string(label));
    return images;
  }
  EBM_CHECK(fs::exists(what), flag, what + ", which is not there",
            "an image, a .npy file, a folder of images or the name of a data set");
  if (fs::path(what).extension() == ".npy") return load_npy(flag, what, range, shape);
  return load_files(what, shape, fit);
}

}  // namespace ebm
