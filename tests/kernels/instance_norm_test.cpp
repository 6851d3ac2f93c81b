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
    const int64_t channels = shape[3], pixels = shape[1] * shape[2];
    const Tensor x = normal(shape, 1, 3, 2);
    // none, those of a channel, those of an image and a channel
    for (const Shape& of : {Shape{}, Shape{channels}, Shape{shape[0], channels}}) {
      const bool affine = of.rank() > 0;
      const Tensor scale = affine ? normal(of, 2) : Tensor{}, shift = affine ? normal(of, 3) : Tensor{};
      InstanceNormSaved saved;
      const std::vector<float> y = instance_norm(x, scale, shift, kEps, saved).to_host(), v = x.to_host();
      std::vector<float> gamma{1}, beta{0};
      if (affine) gamma = scale.to_host(), beta = shift.to_host();
      double error = 0;
      for (int64_t k = 0; k < shape[0] * channels; ++k) {
        const int64_t first = k / channels * pixels * channels + k % channels;
        double mean = 0, variance = 0;
        for (int64_t p = 0; p < pixels; ++p) mean += v[first + p * channels] / static_cast<double>(pixels);
        for (int64_t p = 0; p < pixels; ++p)
          variance += std::pow(v[first + p * channels] - mean, 2) / static_cast<double>(pixels);
        for (int64_t p = 0; p < pixels; ++p) {
          const double normalised = (v[first + p * channels] - mean) / std::sqrt(variance + kEps);
          const double expected = gamma[k % gamma.size()] * normalised + beta[k % beta.size()];
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
  CHECK_THROWS_AS(instance_norm(x, normal({5}, 2), c, 1e-5f, saved), Error);
  CHECK_THROWS_AS(instance_norm(x, {}, normal({3, 4}, 2), 1e-5f, saved), Error);  // of three images
}

}  // namespace ebm
