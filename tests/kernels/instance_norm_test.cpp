#include "kernels/instance_norm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/check.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("instance normalisation agrees with its definition, an image and a channel at a time") {
  constexpr float kEps = 1e-5f;
  for (const Shape& shape :
       {Shape{4, 5, 6, 3}, Shape{1, 1, 1, 1}, Shape{7, 1, 2, 70}, Shape{2, 32, 32, 64}, Shape{3, 9, 9, 513}}) {
    CAPTURE(to_string(shape));
    const Tensor x = normal(shape, 1, 3, 2), scale = normal({shape.back()}, 2), shift = normal({shape.back()}, 3);
    for (const bool affine : {false, true}) {
      InstanceNormSaved saved;
      const std::vector<float> y =
          instance_norm(x, affine ? scale : Tensor{}, affine ? shift : Tensor{}, kEps, saved).to_host();
      const std::vector<float> v = x.to_host(), gamma = scale.to_host(), beta = shift.to_host();
      const int64_t channels = shape[3], pixels = shape[1] * shape[2];
      double error = 0;
      for (int64_t k = 0; k < shape[0] * channels; ++k) {
        const int64_t first = k / channels * pixels * channels + k % channels;
        double mean = 0, variance = 0;
        for (int64_t p = 0; p < pixels; ++p) mean += v[first + p * channels] / static_cast<double>(pixels);
        for (int64_t p = 0; p < pixels; ++p)
          variance += std::pow(v[first + p * channels] - mean, 2) / static_cast<double>(pixels);
        for (int64_t p = 0; p < pixels; ++p) {
          const double normalised = (v[first + p * channels] - mean) / std::sqrt(variance + kEps);
          const double expected = affine ? gamma[k % channels] * normalised + beta[k % channels] : normalised;
          error = std::max(error, std::abs(y[first + p * channels] - expected));
        }
      }
      CHECK(error < 5e-5);  // of two pixels that are close the mean, a float, is felt
    }
  }
}

TEST_CASE("instance normalisation refuses what it cannot do") {
  InstanceNormSaved saved;
  const Tensor x = normal({2, 3, 3, 4}, 1), c = normal({4}, 2);
  CHECK_THROWS_WITH_AS(instance_norm(normal({2, 4}, 1), {}, {}, 1e-5f, saved), doctest::Contains("(N,H,W,C)"), Error);
  CHECK_THROWS_WITH_AS(instance_norm(x, c, {}, 1e-5f, saved), doctest::Contains("both or neither"), Error);
  CHECK_THROWS_AS(instance_norm(x, normal({5}, 2), normal({5}, 3), 1e-5f, saved), Error);
}

}  // namespace ebm
