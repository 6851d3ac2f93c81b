// What the commands share that leave a picture of a trained model: ./ebm interpolate, trace, reconstruct,
// neighbours, mean.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

#include "tools/ebm_commands.h"
#include "train/data/dataset.h"
#include "train/files/image_grid.h"

namespace ebm {

inline constexpr int64_t kPictureScale = 2;        // screen pixels of an image's pixel
inline constexpr int64_t kMostImagesAcross = 100;  // in a picture, rows and columns

struct PictureFlags {
  ModelFlags model;
  ChainFlags chain;
  std::string out;

  // `name`.png in the run's folder is the picture's place where --out says nothing.
  void add_to(CLI::App& command, const char* name);
};

// A model ready to draw, and how.
struct PicturePlan {
  std::unique_ptr<Trainer> trainer;
  std::filesystem::path out;
  RandomKey key;
  int64_t num_steps;
  double noise_scale;

  ImageShape image() const { return trainer->abilities().image; }
  // The file of that ending beside the picture, as in trace.json.
  std::filesystem::path beside(const char* ending) const;
};

// Loads the model, whose method must train these networks, and makes sure that the picture and the files of these
// endings beside it can be written.
PicturePlan plan_picture(const PictureFlags& flags, const char* name, std::initializer_list<Ability> needed,
                         std::initializer_list<const char*> beside = {});

// Images (N, H, W, C) as a grid of as many columns as rows, or of one more.
Picture square_grid(std::span<const float> images, ImageShape image, int64_t scale);

// Images of a data set as (N, H, W, C) floats in [-1, 1]: the first `count`.
std::vector<float> first_images(const ImageSet& images, int64_t count);

// The data set that the model was trained on (tools/data.h, load_own), with its notes told. Throws Error for images of
// another size than the model's.
Dataset load_own_data(const Trainer& model, const std::string& data, Split split);

}  // namespace ebm
