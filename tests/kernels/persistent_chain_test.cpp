// The plan of the persistent chain against docs/persistent_chain.md, and its tiling, run by its twin on the
// host, against the sampler and against the definition.
#include <doctest/doctest.h>

#include <numeric>

#include "core/check.h"
#include "models/recipes.h"
#include "tests/kernels/persistent_chain_twin.h"
#include "tests/random_tensor.h"
#include "train/langevin.h"

namespace {

using namespace ebm;
using namespace ebm::persistent;

constexpr int kFp32 = 4, kBf16 = 2;  // bytes of an operand

ChainNet chain_net(const EnergyConfig& config) {
  ChainNet net{config.image, {}, config.negative_slope};
  for (const ConvLayer& l : config.layers)
    net.layers.push_back({l.kernel, l.stride, static_cast<int>(l.channels), l.pad});
  return net;
}

ChainPlan plan_for(const EnergyConfig& config, int operand_bytes, const ChipLimits& limits = {}) {
  const ChainFit fit = plan_chain(chain_net(config), operand_bytes, limits);
  CHECK(fit.why_not == "");
  REQUIRE(fit.plan.has_value());
  return *fit.plan;
}

// The parameters as a kernel gets them.
ChainWeights chain_weights(const EnergyNet& net, const EnergyConfig& config) {
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

// Small widths: what is tested is where things are. Every layer but the last needs multiples of 8 channels.
const std::vector<NetCase> kNets = {
    {"mnist's layers", {{28, 28, 1}, {{5, 2, 8, {1, 2}}, {3, 2, 16, {0, 1}}, {3, 1, 32, {1, 1}}}, 3}},
    {"cifar10's layers", {{16, 16, 3}, {{3, 1, 8, {1, 1}}, {4, 2, 16, {1, 1}}, {4, 2, 16, {1, 1}}, {4, 2, 40, {1, 1}}}}},
    {"kernel 7, not square", {{12, 9, 2}, {{7, 1, 8, {3, 3}}, {3, 2, 16, {1, 0}}}}},
    {"stride beyond the kernel, rows unread", {{13, 13, 1}, {{3, 2, 16, {0, 0}}, {2, 3, 8, {0, 0}}, {1, 1, 8, {0, 0}}}}},
    {"two tiles of channels", {{7, 7, 1}, {{3, 2, 8, {0, 1}}, {3, 1, 136, {1, 1}}, {3, 1, 8, {1, 1}}}}},
    {"one layer, stride 3", {{11, 11, 3}, {{5, 3, 24, {2, 2}}}}},
};
const std::vector<int> kImageCounts = {1, 6, 7, 13};

// Random parameters, biases too, of a size at which the gradient of a random image is about 1.
EnergyNet random_net(const EnergyConfig& config) {
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

// One cluster of each share is the same for a chip of any size; these plans differ in who computes what.
const std::vector<ChipLimits> kChips = {{227 * 1024, 1}, {227 * 1024, 2}, {227 * 1024, 66}};

}  // namespace

TEST_CASE("the mnist paper net fits: the places and bytes of the design") {
  const ChainPlan plan = plan_for(mnist_paper_networks().energy, kBf16);
  CHECK(plan.images_per_block == 4);
  const int ring = 4 * 8192, barriers = 4 * 2 * 8, biases = (64 + 128 + 256) * 4, head = 7 * 7 * 256 * 2;
  const int zeros = 128 * 2, x = 28 * 28 * 4, h1 = 14 * 14 * 64 * 2, h2 = 7 * 7 * 128 * 2, signs = 7 * 7 * 256 / 8;
  CHECK(plan.shared_bytes == ring + barriers + biases + head + zeros + 4 * (x + h1 + h2 + signs));
  CHECK(plan.shared_bytes == 229'312);  // docs/persistent_chain.md
  CHECK(plan.shared_bytes + x + h1 + h2 + signs > 227 * 1024);
  CHECK(plan.map_at[2] - plan.map_at[1] == 4 * h1);

  // 400 chains on 66 clusters: four with 7 and 62 with 6; more chains than fit at once need more clusters.
  CHECK(plan.clusters(400) == 66);
  CHECK(cluster_images(400, 66, 3).count == 7);
  CHECK(cluster_images(400, 66, 4).count == 6);
  CHECK(cluster_images(400, 66, 65).first == 394);
  CHECK(plan.clusters(3) == 3);
  CHECK(plan.clusters(8 * 66 + 1) == 67);
}

TEST_CASE("the laptop net fits with twice the images, the cifar10 paper net does not") {
  const ChainPlan laptop = plan_for(mnist_laptop_networks({32, 32, 32, 32}).energy, kBf16);
  CHECK(laptop.images_per_block == 8);
  CHECK(laptop.shared_bytes == 228'288);  // docs/persistent_chain.md

  const ChainFit cifar10 = plan_chain(chain_net(cifar10_paper_networks().energy));
  CHECK_FALSE(cifar10.plan.has_value());
  CHECK(cifar10.why_not == "one image takes 286528 bytes of shared memory, a block has 232448");
  const ChainFit odd = plan_chain({{8, 8, 1}, {{3, 1, 12, {1, 1}}}});
  CHECK(odd.why_not == "layer 1 has 12 channels, no multiple of 8");
  CHECK_THROWS_AS(plan_chain({{8, 8, 1}, {}}), Error);
  CHECK_THROWS_AS(plan_chain({{8, 8, 1}, {{9, 1, 8, {0, 0}}}}), Error);
}

TEST_CASE("the pixels of all phases are the target, each once, and both blocks' rows are all rows") {
  for (const NetCase& c : kNets) {
    CAPTURE(c.name);
    const ChainPlan plan = plan_for(c.config, kFp32, kChips[0]);
    for (int i = 0; i < plan.passes(); ++i) {
      const Pass pass = plan.pass(i);
      for (const int images : kImageCounts) {
        std::vector<int> visits(images * pass.target.pixels());
        for (int p = 0; p < pass.phases(); ++p) {
          const Phase phase = pass.phase(p);
          const Range first = block_rows(phase, images, 0), second = block_rows(phase, images, 1);
          CHECK(first.first == 0);
          CHECK(second.first == first.count);
          CHECK(first.count + second.count == images * phase.rows_per_image());
          const int tiles = divide_up(first.count + second.count, kTileRows);
          CHECK(divide_up(first.count, kTileRows) <= divide_up(tiles, 2));
          CHECK(divide_up(second.count, kTileRows) <= divide_up(first.count, kTileRows));
          for (int row = 0; row < first.count + second.count; ++row)
            for (int column = 0; column < pass.columns(); column += pass.target.c) {
              const Pixel pixel = phase.target(row, column / pass.target.c);
              if (pixel.index != kOutside) ++visits[pixel.image * pass.target.pixels() + pixel.index];
            }
        }
        CHECK(visits == std::vector<int>(visits.size(), 1));
      }
    }
  }
}

TEST_CASE("each weight stands once in the tiles of each direction") {
  for (const NetCase& c : kNets) {
    CAPTURE(c.name);
    const ChainPlan plan = plan_for(c.config, kFp32, kChips[0]);
    std::vector<Tensor> weights;  // values 1, 2, …: a zero is padding
    for (int i = 0; i < plan.num_layers; ++i) {
      const Shape shape{plan.maps[i + 1].c, plan.kernels[i], plan.kernels[i], plan.maps[i].c};
      std::vector<float> values(shape.size());
      std::iota(values.begin(), values.end(), 1.0f);
      weights.push_back(Tensor::from_host(values, shape, kCpu));
    }
    const std::vector<float> packed = pack_weights(plan, weights);
    for (int i = 0; i < plan.passes(); ++i) {
      const int64_t size = weights[plan.pass(i).layer - 1].size();
      std::vector<int> seen(size + 1);
      const int end = i + 1 < plan.passes() ? plan.weights_at[i + 1] : plan.weight_elements;
      for (int j = plan.weights_at[i]; j < end; ++j) ++seen[static_cast<int>(packed[j])];
      CHECK(std::vector<int>(seen.begin() + 1, seen.end()) == std::vector<int>(size, 1));
    }
  }
}

TEST_CASE("with fp32 operands the twin is the sampler, for any number of images") {
  const LangevinStep step{0.05f, 0.1f, 0.5f, 1.5f};
  const RandomKey key{7, Stream::langevin, 3};
  for (const NetCase& c : kNets) {
    const EnergyNet net = random_net(c.config);
    const ChainWeights weights = chain_weights(net, c.config);
    for (const int images : kImageCounts) {
      CAPTURE(c.name);
      CAPTURE(images);
      const Tensor start = cpu_normal({images, c.config.image.height, c.config.image.width, c.config.image.channels}, 5);
      Tensor sampled = start.clone();
      langevin_chain(net, sampled, 3, step, key, 11);
      std::vector<float> first;
      for (const ChipLimits& chip : kChips) {
        Tensor x = start.clone();
        run_chain<float>(plan_for(c.config, kFp32, chip), weights, x, 3, step, key, 11);
        if (first.empty()) first = x.to_host();
        CHECK(x.to_host() == first);  // bit for bit: who computes a row changes nothing
        CHECK(relative_error(x.to_host(), sampled.to_host()) < 1e-5);
      }
    }
  }
}
