// What of the convolutions by graphs can be judged without a GPU and its driver: cuDNN accepts every
// descriptor and the whole graph. Which engines it has for an H100, conv_engines_cuda_test.cpp asks.
#include "kernels/conv/conv_graph_cuda.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/kernels/conv/conv_cases.h"

namespace ebm::cuda {
namespace {

struct Graph {
  const char* name;
  Direction direction;
  Third third;
  float negative_slope;
};

const Graph kGraphs[] = {
    {"convolution, bias, leaky ReLU", Direction::forward, Third::bias, 0.2f},
    {"convolution, leaky ReLU", Direction::forward, Third::none, 0.2f},
    {"convolution, bias", Direction::forward, Third::bias, 1.0f},
    {"convolution", Direction::forward, Third::none, 1.0f},
    {"convolution, mask", Direction::forward, Third::mask, 0.2f},
    {"gradient of the input, mask", Direction::backward_data, Third::mask, 0.2f},
    {"gradient of the input, bias, leaky ReLU", Direction::backward_data, Third::bias, 0.2f},
    {"gradient of the input, bias", Direction::backward_data, Third::bias, 1.0f},
    {"gradient of the input", Direction::backward_data, Third::none, 1.0f},
    {"gradient of the weights", Direction::backward_weight, Third::none, 1.0f},
};

GraphConvProblem problem_of(const ConvCase& c, const Graph& graph, ElementType factors, ElementType result) {
  return {graph.direction,
          kCpu,
          c.x,
          c.w,
          conv2d_shape(c.x, c.w, c.geometry),
          c.geometry,
          graph.third,
          graph.negative_slope,
          Precision::bf16,
          factors,
          result};
}
constexpr ElementType kFp32 = ElementType::fp32, kBf16 = ElementType::bf16;

}  // namespace

TEST_CASE("cuDNN accepts the graphs of convolutions on fp32 and bf16 tensors, uneven padding included") {
  for (const ConvCase& c : kConvCases)
    for (const Graph& graph : kGraphs) {
      CAPTURE(c.name);
      CAPTURE(graph.name);
      CHECK_NOTHROW(make_graph(problem_of(c, graph, kFp32, kFp32)));
      CHECK_NOTHROW(make_graph(problem_of(c, graph, kBf16, kFp32)));
      CHECK_NOTHROW(make_graph(problem_of(c, graph, kBf16, kBf16)));
    }
}

TEST_CASE("cuDNN refuses a graph whose shapes do not fit") {
  for (const Graph& graph : kGraphs) {
    CAPTURE(graph.name);
    GraphConvProblem p = problem_of(kConvCases[0], graph, kBf16, kBf16);
    p.y = {p.y[0], p.y[1] + 1, p.y[2], p.y[3]};
    CHECK_THROWS_AS(make_graph(p), Error);
  }
}

}  // namespace ebm::cuda
