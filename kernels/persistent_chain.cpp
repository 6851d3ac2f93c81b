#include "kernels/persistent_chain.h"

#include <algorithm>

#include "core/check.h"

namespace ebm::persistent {
namespace {

constexpr int kAlign = 16;        // of every place, in bytes: what a bulk copy asks for
constexpr int kBarrierBytes = 8;  // an mbarrier

void describe(const ChainNet& net, ChainPlan& plan) {
  EBM_CHECK(!net.layers.empty() && net.layers.size() <= kMostLayers, "persistent chain",
            std::to_string(net.layers.size()) + " layers", "1 to " + std::to_string(kMostLayers));
  EBM_CHECK(net.negative_slope >= 0, "persistent chain", "slope " + std::to_string(net.negative_slope),
            "a slope that keeps signs");
  plan.num_layers = static_cast<int>(net.layers.size());
  plan.negative_slope = net.negative_slope;
  Shape map{1, net.image.height, net.image.width, net.image.channels};
  for (int i = 0; i <= plan.num_layers; ++i) {
    plan.maps[i] = {static_cast<int>(map[1]), static_cast<int>(map[2]), static_cast<int>(map[3])};
    if (i == plan.num_layers) break;
    const ChainConv& l = net.layers[i];
    map = conv2d_shape(map, {l.channels, l.kernel, l.kernel, map[3]}, {l.stride, l.pad});
    plan.kernels[i] = l.kernel, plan.strides[i] = l.stride, plan.pads[i] = l.pad.before;
  }
  for (int i = 0; i < plan.passes(); ++i) {
    const Pass pass = plan.pass(i);
    plan.weights_at[i] = plan.weight_elements;
    for (int p = 0; p < pass.phases(); ++p) plan.weight_elements += pass.phase_elements(pass.phase(p));
  }
}

// Lays out shared memory for so many images.
void lay_out(ChainPlan& plan, int images) {
  const MapShape& last = plan.maps[plan.num_layers];
  int end = 0;
  const auto place = [&end](int bytes) {
    const int at = end;
    end += round_up(bytes, kAlign);
    return at;
  };
  plan.images_per_block = images;
  plan.ring_at = place(kStages * kTileElements * plan.operand_bytes);
  plan.barriers_at = place(kStages * 2 * kBarrierBytes);
  int most_channels = 0;  // of the maps that are kept
  for (int i = 0; i < plan.num_layers; ++i) {
    plan.bias_at[i] = place(plan.maps[i + 1].c * 4);
    if (i > 0) most_channels = std::max(most_channels, plan.maps[i].c);
  }
  plan.head_at = place(last.pixels() * last.c * plan.operand_bytes);
  plan.zeros_at = place(most_channels * plan.operand_bytes);
  for (int i = 0; i < plan.num_layers; ++i)
    plan.map_at[i] =
        place(images * plan.maps[i].pixels() * plan.maps[i].c * (i == 0 ? 4 : plan.operand_bytes));
  plan.signs_at = place(images * last.pixels() * divide_up(last.c, 32) * 4);
  plan.shared_bytes = end;
}

}  // namespace

ChainFit plan_chain(const ChainNet& net, int operand_bytes, const ChipLimits& limits) {
  ChainPlan plan;
  plan.operand_bytes = operand_bytes;
  plan.clusters_at_a_time = limits.clusters;
  describe(net, plan);
  for (int i = 1; i <= plan.num_layers; ++i)
    if (plan.maps[i].c % kCore != 0)
      return {{}, "layer " + std::to_string(i) + " has " + std::to_string(plan.maps[i].c) +
                      " channels, no multiple of " + std::to_string(kCore)};
  lay_out(plan, 1);
  if (plan.shared_bytes > limits.shared_bytes)
    return {{}, "one image takes " + std::to_string(plan.shared_bytes) +
                    " bytes of shared memory, a block has " + std::to_string(limits.shared_bytes)};
  int images = 1;
  while (lay_out(plan, images + 1), plan.shared_bytes <= limits.shared_bytes) ++images;
  lay_out(plan, images);
  return {plan, ""};
}

std::vector<float> pack_weights(const ChainPlan& plan, const std::vector<Tensor>& weights) {
  EBM_CHECK(static_cast<int>(weights.size()) == plan.num_layers, "pack_weights",
            std::to_string(weights.size()) + " tensors", std::to_string(plan.num_layers));
  std::vector<float> packed(plan.weight_elements);
  for (int i = 0; i < plan.passes(); ++i) {
    const Pass pass = plan.pass(i);
    const Tensor& w = weights[pass.layer - 1];
    check_shape("pack_weights", "w", w, {plan.maps[pass.layer].c, pass.kernel, pass.kernel,
                                         plan.maps[pass.layer - 1].c});
    const std::vector<float> values = w.to_host();
    float* to = packed.data() + plan.weights_at[i];
    for (int p = 0; p < pass.phases(); ++p) {
      const Phase phase = pass.phase(p);
      for (int n = 0; n < pass.column_tiles(); ++n)
        for (int k = 0; k < pass.depth_tiles(phase); ++k)
          for (int depth = 0; depth < pass.depth_of(phase, k); ++depth)
            for (int column = 0; column < pass.tile_columns(); ++column) {
              const int from = pass.weight_index(phase, k * pass.tile_depth() + depth,
                                                 n * pass.tile_columns() + column);
              to[pass.in_phase(phase, n, k) + pass.in_tile(depth, column)] = from < 0 ? 0.0f : values[from];
            }
      to += pass.phase_elements(phase);
    }
  }
  return packed;
}

}  // namespace ebm::persistent
