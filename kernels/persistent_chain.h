// The plan of a Langevin chain in one launch: what a block keeps in shared memory, where, and for how many
// images; which nets fit. docs/persistent_chain.md holds the design. The kernel does not exist yet; its
// tiling is kernels/persistent_chain_tiles.h, and tests/kernels/ runs both on the host.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/image_shape.h"
#include "core/tensor.h"
#include "kernels/conv.h"
#include "kernels/langevin.h"
#include "kernels/persistent_chain_tiles.h"

namespace ebm::persistent {

inline constexpr int kMostLayers = 8;

// The shape of f: convolutions with leaky ReLU, then a linear head over the whole last map.
struct ChainConv {
  int kernel, stride, channels;
  Padding pad;  // the same in both directions
};
struct ChainNet {
  ImageShape image;
  std::vector<ChainConv> layers;
  float negative_slope = 0.2f;  // ≥ 0
};

struct ChipLimits {
  int shared_bytes = 227 * 1024;  // of a block, H100
  int clusters = 66;              // of two blocks, that run at a time: 132 multiprocessors
};

// Everything that a launch needs but pointers: plain numbers, to be passed to a kernel by value. Places are
// bytes from the start of a block's shared memory. h_i keeps its place until g_i = ∂f/∂(its sum) replaces it,
// element by element, with the sign read where the gradient is written; of the last map only signs are kept.
struct ChainPlan {
  int num_layers = 0;
  int operand_bytes = 0;   // 2: bf16
  int images_per_block = 0;
  int clusters_at_a_time = 0;
  float negative_slope = 0;
  MapShape maps[kMostLayers + 1] = {};  // x, h_1 … h_L
  int kernels[kMostLayers] = {}, strides[kMostLayers] = {}, pads[kMostLayers] = {};

  int ring_at = 0;                      // kStages weight tiles
  int barriers_at = 0;                  // of each stage: filled, emptied
  int bias_at[kMostLayers] = {};        // fp32
  int head_at = 0;                      // (P,Q,K) of the last map, operands
  int zeros_at = 0;                     // a pixel of zeros: what a tap outside a map reads
  int map_at[kMostLayers] = {};         // x: fp32 (image,H,W,C); from 1 on h_i: operands (image,P,Q,K)
  int signs_at = 0;                     // (image,P,Q,ceil(K/32)) words
  int shared_bytes = 0;

  int weights_at[2 * kMostLayers] = {};  // in elements, by pass
  int weight_elements = 0;               // of all passes

  EBM_HD int passes() const { return 2 * num_layers; }
  // 0 … L−1: forward through layers 1 … L; L … 2L−1: gradients of layers L … 1.
  EBM_HD Pass pass(int i) const {
    const bool gradient = i >= num_layers;
    const int l = gradient ? passes() - i : i + 1;
    return {l, gradient, maps[gradient ? l : l - 1], maps[gradient ? l - 1 : l],
            kernels[l - 1], strides[l - 1], pads[l - 1]};
  }
  EBM_HD int clusters(int images) const {
    const int needed = divide_up(images, kClusterBlocks * images_per_block);
    const int wanted = smaller(images, clusters_at_a_time);
    return needed > wanted ? needed : wanted;  // more than run at a time: the rest follows
  }

  // Places of one pixel's values; image counts from the block's first.
  EBM_HD int x_place(int image, int pixel) const {
    return map_at[0] + (image * maps[0].pixels() + pixel) * maps[0].c * 4;
  }
  EBM_HD int map_place(int layer, int image, int pixel) const {
    return map_at[layer] + (image * maps[layer].pixels() + pixel) * maps[layer].c * operand_bytes;
  }
  EBM_HD int head_place(int pixel, int channel) const {
    return head_at + (pixel * maps[num_layers].c + channel) * operand_bytes;
  }
  EBM_HD int sign_place(int image, int pixel, int channel) const {
    const MapShape& last = maps[num_layers];
    return signs_at + ((image * last.pixels() + pixel) * divide_up(last.c, 32) + channel / 32) * 4;
  }
  static EBM_HD uint32_t sign_bit(int channel) { return uint32_t{1} << channel % 32; }
};

// The weight tiles of one step of a cluster in the order in which they pass through the ring. first: element
// in the packed weights. The producing warp walks this alone; consumers meet the same order in their loops.
struct WeightTile {
  int pass, phase, group, column_tile, depth_tile;
  int first, elements;
};
template <class Visit>
EBM_HD void for_each_weight_tile(const ChainPlan& plan, int images, Visit&& visit) {
  for (int i = 0; i < plan.passes(); ++i) {
    const Pass pass = plan.pass(i);
    int first = plan.weights_at[i];
    for (int p = 0; p < pass.phases(); first += pass.phase_elements(pass.phase(p)), ++p) {
      const Phase phase = pass.phase(p);
      for (int group = 0; group < row_groups(pass, phase, images); ++group)
        for (int n = 0; n < pass.column_tiles(); ++n)
          for (int k = 0; k < pass.depth_tiles(phase); ++k)
            visit(WeightTile{i, p, group, n, k, first + pass.in_phase(phase, n, k),
                             pass.depth_of(phase, k) * pass.tile_columns()});
    }
  }
}

// (6) in two halves, as the chain does them: the last gradient's sums move x where they are, noise follows
// in a sweep over quads. Together they are the same operations as kernels/langevin.cu.
EBM_HD float drifted(float x, float df_dx, const LangevinStep& s) {
  return x - s.drift * (x * s.inv_sigma_ref_sq - df_dx);
}
EBM_HD float with_noise(float x, float xi, const LangevinStep& s) {
  const float next = x + s.noise * xi;
  return s.clamp <= 0 ? next : next > s.clamp ? s.clamp : next < -s.clamp ? -s.clamp : next;
}

struct ChainFit {
  std::optional<ChainPlan> plan;
  std::string why_not;  // one line; empty where there is a plan
};
// As many images a block as fit. operand_bytes: 2 for bf16; 4 is for the tests alone. Throws Error for what
// is no net: no layer, a stride of 0, a map that vanishes.
ChainFit plan_chain(const ChainNet& net, int operand_bytes = 2, const ChipLimits& limits = {});

// The weights of all passes in the order of the tiles, plan.weight_elements of them, from w_1 … w_L
// (K,R,S,C); both directions have their copy. Throws Error for other shapes.
std::vector<float> pack_weights(const ChainPlan& plan, const std::vector<Tensor>& weights);

}  // namespace ebm::persistent
