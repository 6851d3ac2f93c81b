#include "tools/evaluate/latent_picture.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int64_t kSide = 400;
constexpr uint8_t kDot[] = {230, 60, 40};

// The z of the centres of a row's pixels, (kSide, 2).
Tensor row_of(int64_t row, Device device) {
  const auto place = [](int64_t i) {
    return static_cast<float>(kLatentRange * (2 * (static_cast<double>(i) + 0.5) / kSide - 1));
  };
  std::vector<float> z;
  for (int64_t column = 0; column < kSide; ++column) {
    z.push_back(place(column));
    z.push_back(-place(row));
  }
  return Tensor::from_host(z, {kSide, 2}, device);
}

int64_t pixel_of(double z) { return std::llround((z / kLatentRange + 1) / 2 * kSide - 0.5); }

}  // namespace

Picture latent_plane(const Potential& u, Device device) {
  std::vector<float> energies;
  for (int64_t row = 0; row < kSide; ++row) {
    const std::vector<float> part = u(row_of(row, device)).u.to_host();
    energies.insert(energies.end(), part.begin(), part.end());
  }
  const float least = *std::min_element(energies.begin(), energies.end());
  Picture plane{{kSide, kSide, 3}, {}};
  for (const float energy : energies)  // the square root of exp(−U) shows tails, too
    plane.pixels.insert(plane.pixels.end(), 3,
                        static_cast<uint8_t>(std::lround(255 * std::exp(-0.5 * (energy - least)))));
  return plane;
}

Picture with_dots(Picture plane, const Tensor& samples) {
  EBM_CHECK(samples.rank() == 2 && samples.extent(1) == 2, "picture of z", to_string(samples.shape()), "z (N, 2)");
  const std::vector<float> z = samples.to_host();
  for (size_t i = 0; i + 1 < z.size(); i += 2) {
    if (!(std::max(std::abs(z[i]), std::abs(z[i + 1])) < kLatentRange)) continue;
    const int64_t column = pixel_of(z[i]), row = pixel_of(-z[i + 1]);
    for (int64_t r = std::max<int64_t>(row - 1, 0); r <= std::min(row + 1, kSide - 1); ++r)
      for (int64_t c = std::max<int64_t>(column - 1, 0); c <= std::min(column + 1, kSide - 1); ++c)
        std::copy_n(kDot, 3, plane.pixels.begin() + (r * kSide + c) * 3);
  }
  return plane;
}

}  // namespace ebm
