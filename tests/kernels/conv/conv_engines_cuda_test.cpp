// Which engines cuDNN names for the graphs on an H100, without one: it is given a description of the chip,
// and the toolkit's stub stands in the driver's place (tests/CMakeLists.txt). Whether they run, and how fast,
// only the chip can say; it may have more of them, since some ask the driver before they say that they fit.
#include <doctest/doctest.h>

#include <string>

#include "kernels/conv/conv_graph_cuda.h"
#include "tests/kernels/conv/conv_cases.h"

namespace ebm::cuda {
namespace {

// The device properties of an H100 SXM as cuDNN writes them, by NVIDIA's published figures.
const std::string kH100 = R"({"deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000,
  "cudaDeviceId": 0, "pciDeviceId": 0, "isTccDriver": 0, "supportCoopLaunch": 1, "multiProcessorCount": 132,
  "smClockRateKHz": 1980000, "memClockRateKHz": 2619000, "totalGlobalMem": 85029158912,
  "l2CacheSize": 52428800,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "warpSize": 32,
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "maxCtasPerSM": 32,
  "regsPerBlock": 65536, "maxRegistersPerSM": 65536, "maxSharedMemoryPerBlock": 49152,
  "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024})";

const GraphDescriptor& h100() {
  static const auto* chip = [] {
    auto* c = new GraphDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    c->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, std::vector<char>(kH100.begin(), kH100.end()));
    c->finalize();
    return c;
  }();
  return *chip;
}

struct Mode {
  Precision precision;
  ElementType factors, result;
};
const Mode kBf16{Precision::bf16, ElementType::bf16, ElementType::fp32};
const Mode kBf16Maps{Precision::bf16, ElementType::bf16, ElementType::bf16};

size_t engines(const ConvCase& c, Direction direction, Third third, float negative_slope, Mode mode) {
  const GraphConvProblem problem{
      direction,      kCpu,           c.x,          c.w,        conv2d_shape(c.x, c.w, c.geometry), c.geometry, third,
      negative_slope, mode.precision, mode.factors, mode.result};
  const auto graph = make_graph(problem);
  return find_engines(problem, graph.back(), h100()).size();
}

}  // namespace

TEST_CASE("an H100 has engines for every forward convolution on bf16 tensors") {
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    CHECK(engines(c, Direction::forward, Third::bias, 0.2f, kBf16) > 0);
    CHECK(engines(c, Direction::forward, Third::bias, 1.0f, kBf16) > 0);
    CHECK(engines(c, Direction::forward, Third::none, 1.0f, kBf16) > 0);
  }
}

TEST_CASE("an H100 has engines for the gradients on bf16 tensors, where channels come by eights") {
  int cases = 0;
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    if (c.w[0] % 8 != 0 || c.w[3] % 8 != 0) continue;
    ++cases;
    CHECK(engines(c, Direction::backward_data, Third::mask, 0.2f, kBf16) > 0);
    CHECK(engines(c, Direction::backward_data, Third::bias, 0.2f, kBf16) > 0);
    CHECK(engines(c, Direction::forward, Third::mask, 0.2f, kBf16) > 0);
    CHECK(engines(c, Direction::backward_data, Third::none, 1.0f, kBf16) > 0);
    CHECK(engines(c, Direction::backward_weight, Third::none, 1.0f, kBf16) > 0);
  }
  CHECK(cases >= 14);
}

TEST_CASE("an H100 has engines for the maps of a chain in bf16, in one kernel and alone") {
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    if (c.w[0] % 8 != 0) continue;  // the first layer's image may have any number of channels
    CHECK(engines(c, Direction::forward, Third::bias, 0.2f, kBf16Maps) > 0);
    CHECK(engines(c, Direction::forward, Third::none, 1.0f, kBf16Maps) > 0);
    if (c.w[3] % 8 != 0) continue;
    CHECK(engines(c, Direction::backward_data, Third::mask, 0.2f, kBf16Maps) > 0);
    CHECK(engines(c, Direction::backward_data, Third::none, 1.0f, kBf16Maps) > 0);
  }
}

TEST_CASE("an H100 has engines for convolutions on fp32 tensors, without tensor cores too") {
  const Mode fp32{Precision::fp32, ElementType::fp32, ElementType::fp32};
  const Mode tf32{Precision::tf32, ElementType::fp32, ElementType::fp32};
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    CHECK(engines(c, Direction::forward, Third::bias, 0.2f, fp32) > 0);
    CHECK(engines(c, Direction::backward_data, Third::mask, 0.2f, fp32) > 0);
    CHECK(engines(c, Direction::backward_data, Third::bias, 0.2f, fp32) > 0);
    CHECK(engines(c, Direction::forward, Third::mask, 0.2f, fp32) > 0);
    for (const Mode& mode : {fp32, tf32}) {  // with nothing behind them: where the padding is uneven
      CHECK(engines(c, Direction::forward, Third::none, 1.0f, mode) > 0);
      CHECK(engines(c, Direction::backward_data, Third::none, 1.0f, mode) > 0);
    }
  }
}

}  // namespace ebm::cuda
