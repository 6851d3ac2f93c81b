#include "tests/kernels/persistent_chain_twin.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace ebm::persistent {

void Arena::check(int place, int size, int count) const {
  EBM_CHECK(place >= 0 && count >= 0 && int64_t{place} + int64_t{size} * count <= std::ssize(bytes_) &&
                place % size == 0,
            "arena",
            std::to_string(count) + " x " + std::to_string(size) + " bytes at " + std::to_string(place),
            "an aligned place within " + std::to_string(bytes_.size()));
}

namespace {

constexpr int kBarrierBytes = 16;  // of a stage: filled, emptied; here the first holds the tile's number

// The producing warps of both blocks: weight tiles into the stages of the ring, ahead of their use.
template <class Operand>
class WeightRing {
 public:
  WeightRing(const ChainPlan& plan, const std::vector<Operand>& packed, int images, int num_steps,
             std::vector<Arena>& blocks, TwinCounts& counts)
      : plan_(plan), packed_(packed), blocks_(blocks), counts_(counts) {
    for_each_weight_tile(plan, images, [this](const WeightTile& tile) { order_.push_back(tile); });
    total_ = std::ssize(order_) * num_steps;
    while (filled_ < std::min<int64_t>(kStages, total_)) fill();
  }

  // The tile that the consumers are at, in each block's memory as floats (depth, tile_columns).
  std::vector<float> take(int block, const Pass& pass, const WeightTile& expected) {
    const WeightTile& tile = order_[used_ % std::ssize(order_)];
    EBM_CHECK(tile.pass == expected.pass && tile.phase == expected.phase && tile.group == expected.group &&
                  tile.column_tile == expected.column_tile && tile.depth_tile == expected.depth_tile,
              "weight ring", "tile " + std::to_string(used_), "the tile that is used next");
    EBM_CHECK(*filled_word(block, used_) == static_cast<uint64_t>(used_), "weight ring",
              "a stage that holds another tile", "tile " + std::to_string(used_));
    const Operand* stage = blocks_[block].at<Operand>(stage_place(used_), tile.elements);
    const int columns = pass.tile_columns(), depth = tile.elements / columns;
    std::vector<float> values(tile.elements);
    for (int k = 0; k < depth; ++k)
      for (int n = 0; n < columns; ++n) values[k * columns + n] = float(stage[pass.in_tile(k, n)]);
    return values;
  }
  // Both blocks are done with the tile: its stage is filled again.
  void release() {
    ++used_;
    if (filled_ < total_) fill();
  }

 private:
  int stage_place(int64_t tile) const {
    return plan_.ring_at + static_cast<int>(tile % kStages) * kTileElements * plan_.operand_bytes;
  }
  uint64_t* filled_word(int block, int64_t tile) {
    return blocks_[block].at<uint64_t>(plan_.barriers_at + static_cast<int>(tile % kStages) * kBarrierBytes);
  }
  // Each block reads one half from outside and writes it into both.
  void fill() {
    const WeightTile& tile = order_[filled_ % std::ssize(order_)];
    const int half = tile.elements / kClusterBlocks;
    for (int reader = 0; reader < kClusterBlocks; ++reader) {
      const int first = tile.first + reader * half;
      for (Arena& block : blocks_)
        std::copy_n(packed_.begin() + first, half,
                    block.at<Operand>(stage_place(filled_), tile.elements) + reader * half);
      for (int i = first; i < first + half; ++i) ++counts_.weight_reads[i];
      counts_.weight_bytes += half * plan_.operand_bytes;
    }
    for (int block = 0; block < kClusterBlocks; ++block) *filled_word(block, filled_) = filled_;
    ++filled_;
  }

  const ChainPlan& plan_;
  const std::vector<Operand>& packed_;
  std::vector<Arena>& blocks_;
  TwinCounts& counts_;
  std::vector<WeightTile> order_;  // of one step
  int64_t filled_ = 0, used_ = 0, total_ = 0;
};

template <class Operand>
class Cluster {
 public:
  Cluster(const ChainPlan& plan, const ChainWeights& net, const std::vector<Operand>& packed, float* x,
          int images, int num_steps, TwinCounts& counts)
      : plan_(plan),
        x_(x),
        images_(images),
        counts_(counts),
        blocks_(kClusterBlocks, Arena(plan.shared_bytes)),
        ring_(plan, packed, images, num_steps, blocks_, counts) {
    for (Arena& block : blocks_) load_constants(net, block);
    for (int image = 0; image < images; ++image) std::copy_n(x_ + image * x_size(), x_size(), x_of(image));
  }

  void run_step(const LangevinStep& step, const RandomKey& key, int64_t first_chain) {
    for (int i = 0; i < plan_.passes(); ++i) run_pass(i, step);  // between two: the cluster's barrier
    for (int image = 0; image < images_; ++image) add_noise(image, step, key, first_chain + image);
  }

  void store() {
    for (int image = 0; image < images_; ++image) std::copy_n(x_of(image), x_size(), x_ + image * x_size());
  }

 private:
  int x_size() const { return plan_.maps[0].pixels() * plan_.maps[0].c; }
  Arena& home(int image) { return blocks_[home_block(images_, image)]; }
  float* x_of(int image) {
    return home(image).template at<float>(plan_.x_place(image_at_home(images_, image), 0), x_size());
  }

  Operand* map(Arena& memory, int layer, int image, int pixel) const {
    return memory.at<Operand>(plan_.map_place(layer, image, pixel), plan_.maps[layer].c);
  }

  void load_constants(const ChainWeights& net, Arena& block) {
    for (int i = 0; i < plan_.num_layers; ++i) {
      const auto bias = net.biases[i].to_host();
      std::copy(bias.begin(), bias.end(), block.at<float>(plan_.bias_at[i], bias.size()));
    }
    const auto head = net.head.to_host();
    std::transform(head.begin(), head.end(), block.at<Operand>(plan_.head_at, head.size()),
                   [](float v) { return Operand(v); });
    int most_channels = 0;
    for (int i = 1; i < plan_.num_layers; ++i) most_channels = std::max(most_channels, plan_.maps[i].c);
    std::fill_n(block.at<Operand>(plan_.zeros_at, most_channels), most_channels, Operand(0.0f));
  }

  void run_pass(int i, const LangevinStep& step) {
    const Pass pass = plan_.pass(i);
    for (int p = 0; p < pass.phases(); ++p) {
      const Phase phase = pass.phase(p);
      for (int group = 0; group < row_groups(pass, phase, images_); ++group)
        for (int n = 0; n < pass.column_tiles(); ++n) {
          std::vector<float> sums[kClusterBlocks];  // (rows of the group, tile_columns), in registers
          Range rows[kClusterBlocks];
          for (int block = 0; block < kClusterBlocks; ++block) {
            rows[block] = group_rows(pass, phase, block, group);
            sums[block].assign(rows[block].count * pass.tile_columns(), 0.0f);
          }
          for (int k = 0; k < pass.depth_tiles(phase); ++k) {
            for (int block = 0; block < kClusterBlocks; ++block) {
              const std::vector<float> tile = ring_.take(block, pass, {i, p, group, n, k, 0, 0});
              multiply(pass, phase, block, rows[block], k, tile, sums[block]);
              counts_.products[i] += int64_t{round_up(rows[block].count, kTileRows)} * std::ssize(tile);
            }
            ring_.release();
          }
          for (int block = 0; block < kClusterBlocks; ++block)
            for (int row = 0; row < rows[block].count; ++row)
              finish(pass, phase, block, rows[block].first + row, n * pass.tile_columns(),
                     sums[block].data() + row * pass.tile_columns(), step);
        }
    }
  }

  Range group_rows(const Pass& pass, const Phase& phase, int block, int group) const {
    const Range all = block_rows(phase, images_, block);
    const int first = std::min(group * pass.rows_held(), all.count);
    return {all.first + first, std::min(pass.rows_held(), all.count - first)};
  }

  // sums (rows, columns) += operands (rows, depth) · tile (depth, columns), in fp32, depth in order.
  void multiply(const Pass& pass, const Phase& phase, int block, Range rows, int depth_tile,
                const std::vector<float>& tile, std::vector<float>& sums) {
    const int columns = pass.tile_columns(), first = depth_tile * pass.tile_depth();
    const int depth = std::min(pass.depth_of(phase, depth_tile), phase.depth() - first);  // the rest: padding
    std::vector<float> operands(depth);
    for (int row = 0; row < rows.count; ++row) {
      for (int k = 0, run; k < depth; k += run) {  // runs of channels of one pixel
        const int channel = (first + k) % pass.source.c;
        run = std::min(pass.source.c - channel, depth - k);
        const int image = phase.image(rows.first + row);
        const int pixel = phase.source(rows.first + row, (first + k) / pass.source.c);
        gather(pass.source_layer(), block, image, pixel, {channel, run}, operands.data() + k);
        if (pixel != kOutside && home_block(images_, image) != block) counts_.remote_values += run;
      }
      float* sum = sums.data() + row * columns;
      for (int k = 0; k < depth; ++k)
        for (int n = 0; n < columns; ++n) sum[n] += operands[k] * tile[k * columns + n];
    }
  }

  // Channels of one pixel of the source as the tensor cores take them, zeros outside the map.
  void gather(int layer, int block, int image, int pixel, Range channels, float* to) {
    const int here = image_at_home(images_, image);
    if (layer == 0) {
      const float* x = nullptr;
      if (pixel != kOutside) x = home(image).template at<float>(plan_.x_place(here, pixel), plan_.maps[0].c);
      for (int i = 0; i < channels.count; ++i) to[i] = x ? float(Operand(x[channels.first + i])) : 0.0f;
    } else if (layer < plan_.num_layers) {
      const Operand* h = (pixel == kOutside
                              ? blocks_[block].template at<Operand>(plan_.zeros_at, plan_.maps[layer].c)
                              : map(home(image), layer, here, pixel)) + channels.first;
      for (int i = 0; i < channels.count; ++i) to[i] = float(h[i]);
    } else {
      for (int i = 0; i < channels.count; ++i)
        to[i] = pixel == kOutside ? 0.0f : last_gradient(block, image, pixel, channels.first + i);
    }
  }

  // g_L: the head's weight, or that times the slope.
  float last_gradient(int block, int image, int pixel, int channel) {
    const int place = plan_.sign_place(image_at_home(images_, image), pixel, channel);
    const uint32_t signs = *home(image).template at<uint32_t>(place);
    const float weight = float(*blocks_[block].template at<Operand>(plan_.head_place(pixel, channel)));
    return float(Operand(signs & plan_.sign_bit(channel) ? weight : weight * plan_.negative_slope));
  }

  // One row of sums, columns first … first + tile_columns − 1, becomes h, signs, g or a change of x.
  void finish(const Pass& pass, const Phase& phase, int block, int row, int first, const float* sums,
              const LangevinStep& step) {
    const int columns = std::min(pass.tile_columns(), pass.columns() - first);
    if (pass.folded()) return move_x(pass, phase, row, first, columns, sums, step);
    const Pixel pixel = phase.target(row);
    const int here = image_at_home(images_, pixel.image);
    Arena& target = home(pixel.image);
    if (pass.gradient) {
      Operand* h = map(target, pass.layer - 1, here, pixel.index) + first;  // becomes g
      for (int n = 0; n < columns; ++n)
        h[n] = Operand(float(h[n]) > 0 ? sums[n] : sums[n] * plan_.negative_slope);
      return;
    }
    const float* bias =
        blocks_[block].template at<float>(plan_.bias_at[pass.layer - 1], pass.target.c) + first;
    if (pass.layer < plan_.num_layers) {
      Operand* h = map(target, pass.layer, here, pixel.index) + first;
      for (int n = 0; n < columns; ++n) {
        const float sum = sums[n] + bias[n];
        h[n] = Operand(sum > 0 ? sum : plan_.negative_slope * sum);
      }
      return;
    }
    for (int word = 0; word < columns; word += 32) {
      uint32_t signs = 0;
      for (int n = word; n < std::min(columns, word + 32); ++n)
        if (sums[n] + bias[n] > 0) signs |= plan_.sign_bit(first + n);
      *target.at<uint32_t>(plan_.sign_place(here, pixel.index, first + word)) = signs;
    }
  }

  void move_x(const Pass& pass, const Phase& phase, int row, int first, int columns, const float* sums,
              const LangevinStep& step) {
    const int channels = pass.target.c;
    for (int n = 0; n < columns; ++n) {
      const Pixel pixel = phase.target(row, (first + n) / channels);
      if (pixel.index == kOutside) continue;
      const int place = plan_.x_place(image_at_home(images_, pixel.image), pixel.index);
      float& x = home(pixel.image).template at<float>(place, channels)[(first + n) % channels];
      x = drifted(x, sums[n], step);
    }
  }

  // One Philox call for four elements of the global sequence; an image may begin inside a quad.
  void add_noise(int image, const LangevinStep& step, const RandomKey& key, int64_t chain) {
    float* x = x_of(image);
    const uint64_t first = static_cast<uint64_t>(chain) * x_size();
    for (uint64_t quad = first / 4; quad * 4 < first + x_size(); ++quad) {
      const Floats4 xi = step.noise != 0 ? normal4(key, quad) : Floats4{};
      for (int j = 0; j < 4; ++j) {
        const int64_t i = static_cast<int64_t>(quad * 4 + j - first);
        if (i >= 0 && i < x_size()) x[i] = with_noise(x[i], xi.v[j], step);
      }
    }
  }

  const ChainPlan& plan_;
  float* const x_;  // of the cluster's first image, outside
  const int images_;
  TwinCounts& counts_;
  std::vector<Arena> blocks_;
  WeightRing<Operand> ring_;
};

}  // namespace

template <class Operand>
TwinCounts run_chain(const ChainPlan& plan, const ChainWeights& net, Tensor& x, int num_steps,
                     const LangevinStep& step, const RandomKey& key, int64_t first_chain) {
  EBM_CHECK(plan.operand_bytes == sizeof(Operand), "run_chain", "a plan of another operand", "this one's");
  check_shape("run_chain", "x", x, {x.extent(0), plan.maps[0].h, plan.maps[0].w, plan.maps[0].c});
  const std::vector<float> values = pack_weights(plan, net.weights);
  std::vector<Operand> packed(values.size());
  std::transform(values.begin(), values.end(), packed.begin(), [](float v) { return Operand(v); });

  TwinCounts counts;
  counts.weight_reads.resize(packed.size());
  counts.products.resize(plan.passes());
  const int images = static_cast<int>(x.extent(0)), clusters = plan.clusters(images);
  for (int c = 0; c < clusters; ++c) {
    const Range own = cluster_images(images, clusters, c);
    float* first = x.mutable_data() + own.first * (x.size() / images);
    Cluster<Operand> cluster(plan, net, packed, first, own.count, num_steps, counts);
    for (int t = 0; t < num_steps; ++t) {
      RandomKey step_key = key;
      step_key.step = static_cast<uint32_t>(t);
      cluster.run_step(step, step_key, first_chain + own.first);
    }
    cluster.store();
  }
  return counts;
}

template TwinCounts run_chain<float>(const ChainPlan&, const ChainWeights&, Tensor&, int, const LangevinStep&,
                                     const RandomKey&, int64_t);
template TwinCounts run_chain<Bf16>(const ChainPlan&, const ChainWeights&, Tensor&, int, const LangevinStep&,
                                    const RandomKey&, int64_t);

}  // namespace ebm::persistent
