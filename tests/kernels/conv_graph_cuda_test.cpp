// What of the fused convolutions can be judged without a GPU: cuDNN accepts every descriptor and the whole
// graph. Which engines there are only a GPU can say.
#include "kernels/conv_graph_cuda.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/kernels/conv_cases.h"

namespace ebm::cuda {
namespace {

FusedConvProblem problem_of(const ConvCase& c, Direction direction, bool has_bias) {
  return {direction,  kCpu,     c.x, c.w, conv2d_shape(c.x, c.w, c.geometry),
          c.geometry, has_bias, 0.2f, Precision::fp32};
}

}  // namespace

TEST_CASE("cuDNN accepts the graphs of fused convolutions, uneven padding included") {
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    CHECK_NOTHROW(make_graph(problem_of(c, Direction::forward, true), nullptr));
    CHECK_NOTHROW(make_graph(problem_of(c, Direction::forward, false), nullptr));
    CHECK_NOTHROW(make_graph(problem_of(c, Direction::backward_data, false), nullptr));
  }
}

TEST_CASE("cuDNN refuses a graph whose shapes do not fit") {
  FusedConvProblem p = problem_of(kConvCases[0], Direction::forward, true);
  p.y = {p.y[0], p.y[1] + 1, p.y[2], p.y[3]};
  CHECK_THROWS_AS(make_graph(p, nullptr), Error);
}

}  // namespace ebm::cuda
