// What of the cuDNN path can be judged without a GPU: descriptors, and the split of uneven padding.
#include "kernels/conv/conv_plan_cuda.h"

#include <doctest/doctest.h>

namespace ebm::cuda {

TEST_CASE("the padding given to cuDNN yields the wanted output for every small geometry") {
  TensorDescriptor x;
  FilterDescriptor w;
  ConvDescriptor conv;
  int by_hand = 0, cases = 0;
  for (int in = 1; in <= 9; ++in)
    for (int kernel = 1; kernel <= 5; ++kernel)
      for (int stride = 1; stride <= 3; ++stride)
        for (int before = 0; before < kernel; ++before)
          for (int after = 0; after < kernel; ++after) {
            if (in + before + after < kernel) continue;
            const int out = (in + before + after - kernel) / stride + 1;
            const SymmetricPadding p = symmetric_padding(in, kernel, out, stride, {before, after});
            // windows start at the same place, and zeros are never asked for beyond what the op pads
            REQUIRE(p.symmetric + p.extra.before == before);
            REQUIRE(p.extra.after <= after);
            const int framed = in + p.extra.before + p.extra.after;
            check(cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 2, 3, framed, framed),
                  "cudnnSetTensor4dDescriptor");
            check(cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, 7, 3, kernel, kernel),
                  "cudnnSetFilter4dDescriptor");
            check(cudnnSetConvolution2dDescriptor(conv, p.symmetric, p.symmetric, stride, stride, 1, 1,
                                                  CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                  "cudnnSetConvolution2dDescriptor");
            int n, c, h, v;
            check(cudnnGetConvolution2dForwardOutputDim(conv, x, w, &n, &c, &h, &v),
                  "cudnnGetConvolution2dForwardOutputDim");
            REQUIRE(n == 2);
            REQUIRE(c == 7);
            REQUIRE(h == out);
            REQUIRE(v == out);
            by_hand += p.extra != Padding{};
            ++cases;
          }
  CHECK(by_hand > 0);
  CHECK(by_hand < cases);
}

TEST_CASE("even padding costs no copy") {
  CHECK(symmetric_padding(28, 4, 14, 2, {1, 1}).extra == Padding{});
  CHECK(symmetric_padding(32, 3, 32, 1, {1, 1}).extra == Padding{});
  // stride 2 on an even image never reads the last row of zeros
  CHECK(symmetric_padding(28, 5, 14, 2, {2, 1}).extra == Padding{});
}

TEST_CASE("algorithms that transform their factors are told from the others") {
  const auto count = [](Direction direction, int algorithms) {
    int found = 0;
    for (int i = 0; i < algorithms; ++i) found += transforms_factors(direction, i);
    return found;
  };
  CHECK(count(Direction::forward, CUDNN_CONVOLUTION_FWD_ALGO_COUNT) == 4);
  CHECK(count(Direction::backward_data, CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT) == 4);
  CHECK(count(Direction::backward_weight, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT) == 4);
  CHECK_FALSE(transforms_factors(Direction::forward, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM));
  CHECK_FALSE(transforms_factors(Direction::forward, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM));
  CHECK_FALSE(transforms_factors(Direction::backward_data, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1));
  CHECK_FALSE(transforms_factors(Direction::backward_weight, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1));
}

}  // namespace ebm::cuda
