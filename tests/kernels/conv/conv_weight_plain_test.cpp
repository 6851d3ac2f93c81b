#include "kernels/conv/conv_weight_plain.h"

#include <doctest/doctest.h>

#include "core/precision.h"
#include "tests/kernels/conv/conv_cases.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("the plain gradient of weights agrees with the other one and gives the same bits every time") {
  const PrecisionScope mode(Precision::fp32);
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    const Tensor x = normal(c.x, 1), dy = normal(conv2d_shape(c.x, c.w, c.geometry), 2);
    Tensor dw = Tensor::empty(c.w, test_device());
    conv2d_backward_weight_plain(x, dy, c.geometry, dw);
    const auto first = dw.to_host();
    CHECK(relative_error(first, conv2d_backward_weight(x, dy, c.w, c.geometry).to_host()) < 1e-5);
    conv2d_backward_weight_plain(x, dy, c.geometry, dw);
    CHECK(dw.to_host() == first);
  }
}

TEST_CASE("the plain gradient of weights adds up more images than it has parts") {
  const Tensor x = normal({5, 4, 4, 128}, 1), dy = normal({5, 4, 4, 4096}, 2);
  Tensor dw = Tensor::empty({4096, 2, 2, 128}, test_device());  // 2^21 elements: two parts
  const ConvGeometry g(1, {0, 1});
  conv2d_backward_weight_plain(x, dy, g, dw);
  CHECK(relative_error(dw.to_host(), conv2d_backward_weight(x, dy, dw.shape(), g).to_host()) < 1e-5);
}

}  // namespace ebm
