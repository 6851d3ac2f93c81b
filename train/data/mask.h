// Which part of an image is missing: the hole that a completion fills.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/image_shape.h"

namespace ebm {

class Mask {
 public:
  // For images of this height and width, at least 2x2; text, of --mask, is one of
  //   center:F  a hole of F times the image's height and width in its middle, 0 < F < 1
  //   left, right  that half
  //   random    a rectangle anywhere, each edge between a quarter and a half of the image's
  //   stroke    two to four thick strokes that bend
  //   FILE.png  an image of that size: what is brighter than middle grey is hole
  // Throws Error for another text, and for a file that is of another size, all hole or none.
  Mask(const std::string& text, ImageShape image);

  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  // Whether all holes are one.
  bool fixed() const { return !fixed_.empty(); }
  // (H, W): 1 in the hole, 0 where the image is known; both are there. A pure function of the mask and these numbers,
  // which a fixed one does not look at.
  std::vector<uint8_t> hole(uint64_t seed, int64_t iteration, int64_t row) const;
  // (n, H, W), the holes of rows first … first + n − 1.
  std::vector<uint8_t> holes(uint64_t seed, int64_t iteration, int64_t first, int64_t n) const;

 private:
  int64_t height_, width_;
  bool strokes_ = false;        // of the two that are drawn anew for every row
  std::vector<uint8_t> fixed_;  // (H, W), or empty
};

}  // namespace ebm
