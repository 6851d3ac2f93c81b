// The nets that the persistent chain is tested with, and an EnergyNet as its kernel would get it.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "models/energy.h"
#include "tests/kernels/persistent_chain_twin.h"
#include "tests/random_tensor.h"

namespace ebm::persistent {

inline constexpr int kFp32 = 4, kBf16 = 2;  // bytes of an operand

inline ChainNet chain_net(const EnergyConfig& config) {
  ChainNet net{config.image, {}, config.negative_slope};
  for (const ConvLayer& l : config.layers)
    net.layers.push_back({l.kernel, l.stride, static_cast<int>(l.channels), l.pad});
  return net;
}

inline ChainPlan plan_for(const EnergyConfig& config, int operand_bytes, const ChipLimits& limits = {}) {
  const ChainFit fit = plan_chain(chain_net(config), operand_bytes, limits);
  CHECK(fit.why_not == "");
  REQUIRE(fit.plan.has_value());
  return *fit.plan;
}

// The parameters as a kernel gets them.
inline ChainWeights chain_weights(const EnergyNet& net, const EnergyConfig& config) {
  ChainWeights w;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    w.weights.push_back(net.parameters()[layer_name(i) + ".weight"].value());
    w.biases.push_back(net.parameters()[layer_name(i) + ".bias"].value());
  }
  const Tensor head = net.parameters()["head.weight"].value();  // (outputs, P, Q, K)
  const auto values = head.to_host();
  const int64_t features = head.size() / head.extent(0);
  std::vector<float> sum(features);
  for (size_t i = 0; i < values.size(); ++i) sum[i % features] += values[i];
  w.head = Tensor::from_host(sum, {features}, kCpu);
  return w;
}

struct NetCase {
  const char* name;
  EnergyConfig config;
};

// Small widths: what is tested is where things are. Channels are multiples of 8.
inline const std::vector<NetCase> kNets = {
    {"mnist's layers", {{28, 28, 1}, {{5, 2, 8, {1, 2}}, {3, 2, 16, {0, 1}}, {3, 1, 32, {1, 1}}}, 3}},
    {"cifar10's layers",
     {{16, 16, 3}, {{3, 1, 8, {1, 1}}, {4, 2, 16, {1, 1}}, {4, 2, 16, {1, 1}}, {4, 2, 40, {1, 1}}}}},
    {"kernel 7, not square", {{12, 9, 2}, {{7, 1, 8, {3, 3}}, {3, 2, 16, {1, 0}}}}},
    {"stride beyond the kernel, rows unread",
     {{13, 13, 1}, {{3, 2, 16, {0, 0}}, {2, 3, 8, {0, 0}}, {1, 1, 8, {0, 0}}}}},
    {"two tiles of channels", {{7, 7, 1}, {{3, 2, 8, {0, 1}}, {3, 1, 136, {1, 1}}, {3, 1, 8, {1, 1}}}}},
    {"one layer, stride 3", {{11, 11, 3}, {{5, 3, 24, {2, 2}}}}},
};
inline const std::vector<int> kImageCounts = {1, 6, 7, 13};

// Random parameters, biases too, of a size at which the gradient of a random image is about 1.
inline EnergyNet random_net(const EnergyConfig& config) {
  EnergyNet net(config, kCpu, 1);
  Parameters& p = net.parameters();
  for (size_t i = 0; i < p.entries().size(); ++i) {
    const Shape& shape = p.entries()[i].shape;
    const bool bias = shape.rank() == 1;
    const float stddev = bias ? 0.1f : std::sqrt(2.0f * shape[0] / shape.size());
    p.view(p.flat(), i).copy_from(normal(shape, 10 + i, 0, stddev, kCpu));
  }
  return net;
}

// The plans of these differ in which images share a cluster, and so in who computes what.
inline const std::vector<ChipLimits> kChips = {{227 * 1024, 1}, {227 * 1024, 2}, {227 * 1024, 66}};

}  // namespace ebm::persistent
