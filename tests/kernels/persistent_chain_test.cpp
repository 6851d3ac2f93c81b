// The plan of the persistent chain against docs/persistent_chain.md, and its tiles: nothing left out, nothing
// twice.
#include "kernels/persistent_chain.h"

#include <doctest/doctest.h>

#include <numeric>

#include "core/check.h"
#include "models/recipes.h"
#include "tests/kernels/persistent_chain_cases.h"

namespace ebm::persistent {

TEST_CASE("the mnist paper net fits: the places and bytes of the design") {
  const ChainPlan plan = plan_for(mnist_paper_networks().energy, kBf16);
  CHECK(plan.images_per_block == 4);
  const int ring = 4 * 8192, barriers = 4 * 2 * 8, biases = (64 + 128 + 256) * 4, head = 7 * 7 * 256 * 2;
  const int zeros = 128 * 2, x = 28 * 28 * 4, h1 = 14 * 14 * 64 * 2, h2 = 7 * 7 * 128 * 2;
  const int signs = 7 * 7 * 256 / 8;
  CHECK(plan.shared_bytes == ring + barriers + biases + head + zeros + 4 * (x + h1 + h2 + signs));
  CHECK(plan.shared_bytes == 229'312);  // docs/persistent_chain.md
  CHECK(plan.shared_bytes + x + h1 + h2 + signs > 227 * 1024);
  CHECK(plan.map_at[2] - plan.map_at[1] == 4 * h1);

  const ChainNet net = chain_net(mnist_paper_networks().energy);
  CHECK(plan_chain(net, kBf16, {102'304, 66}).plan->images_per_block == 1);  // docs/persistent_chain.md
  CHECK_FALSE(plan_chain(net, kBf16, {102'303, 66}).plan.has_value());

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
  const ChainNet net = chain_net(mnist_laptop_networks({32, 32, 32, 32}).energy);
  CHECK(plan_chain(net, kBf16, {69'136, 66}).plan->images_per_block == 1);
  CHECK_FALSE(plan_chain(net, kBf16, {69'135, 66}).plan.has_value());

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

TEST_CASE("weights pass once for up to seven images of the mnist paper net, nearly twice for eight") {
  const ChainPlan plan = plan_for(mnist_paper_networks().energy, kBf16);
  const auto bytes = [&plan](int images) {
    int64_t elements = 0;
    for_each_weight_tile(plan, images, [&elements](const WeightTile& tile) { elements += tile.elements; });
    return elements * kBf16;
  };
  // conv1: 25 taps, padded to 32; to x: 3×3 taps of 64 channels, 2×2 phases of one channel, padded to 8
  const int64_t conv1 = 32 * 64 * 2, conv2 = 9 * 64 * 128 * 2, conv3 = 9 * 128 * 256 * 2;
  const int64_t to_x = 9 * 64 * 8 * 2;
  CHECK(plan.weight_elements * kBf16 == conv1 + 2 * conv2 + 2 * conv3 + to_x);
  CHECK(bytes(1) == conv1 + 2 * conv2 + 2 * conv3 + to_x);
  CHECK(bytes(3) == bytes(1));
  CHECK(bytes(4) == bytes(1) + conv1);  // from here on a block has more than 6 × 64 rows of 14×14 pixels
  CHECK(bytes(7) == bytes(4));
  CHECK(bytes(7) == 1'491'968);  // docs/persistent_chain.md
  // 4 × 49 rows in each block, 3 × 64 are held: 128 columns come twice, conv2's 64 once, conv1 three times
  CHECK(bytes(8) == 3 * conv1 + 3 * conv2 + 4 * conv3 + to_x);
  CHECK(bytes(8) == 2'823'168);  // docs/persistent_chain.md
}

}  // namespace ebm::persistent
