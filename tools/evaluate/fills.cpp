#include "tools/evaluate/fills.h"

#include <Eigen/SparseCholesky>
#include <algorithm>
#include <array>

#include "core/check.h"

namespace ebm {
namespace {

void check(std::span<const float> images, ImageShape image, std::span<const uint8_t> hole) {
  EBM_CHECK(static_cast<int64_t>(hole.size()) == image.height * image.width && image.elements() > 0 &&
                images.size() % static_cast<size_t>(image.elements()) == 0,
            "fill", std::to_string(images.size()) + " values and a hole of " + std::to_string(hole.size()) + " pixels",
            "images of " + std::to_string(image.elements()) + " values and a hole of " +
                std::to_string(image.height * image.width) + " pixels");
  EBM_CHECK(std::count(hole.begin(), hole.end(), 0) > 0, "fill", "a hole as large as the image", "known pixels");
}

// The pixels above, below, left and right of a pixel that lie inside the image.
class Neighbours {
 public:
  Neighbours(int64_t pixel, ImageShape image) {
    const int64_t y = pixel / image.width, x = pixel % image.width;
    if (y > 0) pixels_[count_++] = pixel - image.width;
    if (y + 1 < image.height) pixels_[count_++] = pixel + image.width;
    if (x > 0) pixels_[count_++] = pixel - 1;
    if (x + 1 < image.width) pixels_[count_++] = pixel + 1;
  }
  const int64_t* begin() const { return pixels_.data(); }
  const int64_t* end() const { return pixels_.data() + count_; }
  double count() const { return static_cast<double>(count_); }

 private:
  std::array<int64_t, 4> pixels_{};
  size_t count_ = 0;
};

}  // namespace

std::vector<float> grey_fill(std::span<const float> images, ImageShape image, std::span<const uint8_t> hole) {
  check(images, image, hole);
  std::vector<float> filled(images.begin(), images.end());
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < filled.size(); ++i)
    if (hole[i / channels % hole.size()]) filled[i] = 0;
  return filled;
}

std::vector<float> row_linear_fill(std::span<const float> images, ImageShape image, std::span<const uint8_t> hole) {
  std::vector<float> filled = grey_fill(images, image, hole);
  const int64_t n = static_cast<int64_t>(images.size()) / image.elements(), w = image.width, channels = image.channels;
  for (int64_t row = 0; row < n * image.height; ++row) {
    const uint8_t* missing = hole.data() + row % image.height * w;
    float* values = filled.data() + row * w * channels;
    for (int64_t first = 0, end; first < w; first = end + 1) {  // first … end − 1: a stretch of the hole
      end = std::find(missing + first, missing + w, 0) - missing;
      if (first == 0 && end == w) break;
      const float* left = values + (first > 0 ? first - 1 : end) * channels;
      const float* right = values + (end < w ? end : first - 1) * channels;
      for (int64_t x = first; x < end; ++x) {
        const float share = static_cast<float>(x - first + 1) / static_cast<float>(end - first + 1);
        for (int64_t c = 0; c < channels; ++c) values[x * channels + c] = left[c] + share * (right[c] - left[c]);
      }
    }
  }
  return filled;
}

std::vector<float> harmonic_fill(std::span<const float> images, ImageShape image, std::span<const uint8_t> hole) {
  std::vector<float> filled = grey_fill(images, image, hole);
  std::vector<int64_t> unknown;  // pixels of the hole
  std::vector<int> place(hole.size(), -1);
  for (size_t i = 0; i < hole.size(); ++i) {
    if (!hole[i]) continue;
    place[i] = static_cast<int>(unknown.size());
    unknown.push_back(static_cast<int64_t>(i));
  }
  if (unknown.empty()) return filled;

  // (neighbours) · u_i − Σ u_j of those in the hole = Σ x_j of those that are known. Positive definite, because from every
  // pixel of the hole there is a way to a known one.
  const auto size = static_cast<Eigen::Index>(unknown.size());
  std::vector<Eigen::Triplet<double>> entries;
  for (int i = 0; i < static_cast<int>(size); ++i) {
    const Neighbours around(unknown[static_cast<size_t>(i)], image);
    entries.emplace_back(i, i, around.count());
    for (const int64_t pixel : around)
      if (const int j = place[static_cast<size_t>(pixel)]; j >= 0) entries.emplace_back(i, j, -1.0);
  }
  Eigen::SparseMatrix<double> matrix(size, size);
  matrix.setFromTriplets(entries.begin(), entries.end());
  const Eigen::SimplicialLLT<Eigen::SparseMatrix<double>> solver(matrix);

  const int64_t channels = image.channels;
  for (size_t first = 0; first < filled.size(); first += static_cast<size_t>(image.elements())) {
    float* values = filled.data() + first;
    Eigen::MatrixXd known = Eigen::MatrixXd::Zero(size, channels);  // the right-hand sides
    for (Eigen::Index i = 0; i < size; ++i)
      for (const int64_t pixel : Neighbours(unknown[static_cast<size_t>(i)], image))
        if (place[static_cast<size_t>(pixel)] < 0)
          for (int64_t c = 0; c < channels; ++c) known(i, c) += values[pixel * channels + c];
    const Eigen::MatrixXd u = solver.solve(known);
    for (Eigen::Index i = 0; i < size; ++i)
      for (int64_t c = 0; c < channels; ++c)
        values[unknown[static_cast<size_t>(i)] * channels + c] = static_cast<float>(u(i, c));
  }
  return filled;
}

}  // namespace ebm
