#include "kernels/pad.h"

#include <doctest/doctest.h>

#include <vector>

#include "kernels/bias_activation.h"
#include "tests/random_tensor.h"

namespace ebm {
TEST_CASE("a border is zeros around the image, and cropping takes it off again") {
  const Tensor x = normal({2, 3, 4, 5}, 1);
  const Padding rows{1, 2}, columns{0, 3};
  const Tensor padded = pad_images(x, rows, columns);
  REQUIRE(padded.shape() == Shape{2, 6, 7, 5});
  const auto small = x.to_host(), large = padded.to_host();
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t h = 0; h < 6; ++h)
      for (int64_t w = 0; w < 7; ++w)
        for (int64_t c = 0; c < 5; ++c) {
          const bool inside = h >= 1 && h < 4 && w < 4;
          CHECK(large[((n * 6 + h) * 7 + w) * 5 + c] == (inside ? small[((n * 3 + h - 1) * 4 + w) * 5 + c] : 0.0f));
        }
  Tensor back = Tensor::zeros(x.shape(), x.device());
  crop_images(padded, rows, columns, back);
  CHECK(back.to_host() == small);
}

TEST_CASE("bias and activation are one pass over y") {
  for (int64_t channels : {1, 3, 64, 100}) {
    const Tensor start = normal({50, channels}, 1), b = normal({channels}, 2);
    const auto v = start.to_host(), bias = b.to_host();
    for (float slope : {0.0f, 0.2f, 1.0f}) {
      Tensor with = start.clone(), without = start.clone();
      bias_activation(with, b, slope);
      bias_activation(without, {}, slope);
      const auto got = with.to_host(), plain = without.to_host();
      for (size_t i = 0; i < v.size(); ++i) {
        const float sum = v[i] + bias[i % channels];
        CHECK(got[i] == (sum > 0 ? sum : slope * sum));
        CHECK(plain[i] == (v[i] > 0 ? v[i] : slope * v[i]));
      }
    }
  }
}

}  // namespace ebm
