// The images of a user's folder: decoded once into 8 bits, then cropped and mirrored as a pure function of the iteration.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "train/data/source.h"

namespace ebm {

// The files of a split, by their names; hidden ones are none. Training images lie in <folder>/train where there is such a
// folder, else in the folder itself; folders in it are not searched. Test images lie in <folder>/test where there is one.
// Else about a tenth of the training images are the test images in their place, one at least, chosen by their names, so
// that a folder that grows never makes a test image of one that was learned from. Throws Error for a folder without
// images, or with one.
std::vector<std::filesystem::path> folder_files(const std::filesystem::path& folder, Split split);

// An image of a folder as a model of `size` pixels sees it: shrunk until its shorter edge is 9/8 of `size`, and never
// enlarged. Throws Error where an edge is below `size`.
ImageSet shrink_for(const ImageSet& image, int64_t size, const std::string& name);
// Its middle, size × size.
ImageSet middle_of(const ImageSet& image, int64_t size);

struct FolderRequest {
  std::filesystem::path folder;
  int64_t size = 64;     // edge of the square images to learn from
  int64_t channels = 0;  // 1 grey, 3 colour; 0: colour where one of the images is
  bool strict = false;   // an image that cannot be used is an error; else it is left out, and note() tells
};

class ImageFolder {
 public:
  using Progress = std::function<void(int64_t done, int64_t all)>;

  // Decodes the split in so many threads, which change nothing of the result; `progress` is called by this one. Throws
  // Error for a folder that folder_files refuses, and where no image is left.
  ImageFolder(const FolderRequest& request, Split split, int threads, const Progress& progress = {});

  int64_t count() const { return static_cast<int64_t>(images_.size()); }
  ImageShape shape() const { return {size_, size_, channels_}; }
  // What a figure made with them must say: which test images these are, and what was left out. Or "".
  const std::string& note() const { return note_; }

  // The images in [-1, 1] of rows first … first + n − 1 of an iteration's batch into out, (n, size, size, C): each from a
  // place of its own and, with `mirror`, one in two mirrored. A function of seed, iteration and row.
  void fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n, bool mirror, float* out) const;

  // The middle of each, without labels, for what asks for no chance.
  Dataset middles() const;

 private:
  std::string name_;
  int64_t size_, channels_;
  std::vector<ImageSet> images_;  // one each, (H', W', C), edges of `size` or more
  std::string note_;
};

// As "x", in an order that is shuffled anew in each epoch.
class FolderImages : public Source {
 public:
  FolderImages(const ImageFolder& folder, bool mirror) : folder_(folder), mirror_(mirror) {}  // keeps a reference

  std::vector<SourcePart> parts() const override;
  int64_t count() const override { return folder_.count(); }
  void fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
            std::span<float* const> out) const override;

 private:
  const ImageFolder& folder_;
  bool mirror_;
};

}  // namespace ebm
