#include "models/unet.h"

#include <algorithm>

#include "autograd/ops.h"
#include "core/check.h"

namespace ebm {
namespace {

constexpr int kKernel = 4;
constexpr float kSlope = 0.2f;

// Half as large, rounded down: 28, 14, 7, 3, 1.
Padding halving(int64_t extent) { return extent % 2 == 0 ? Padding{1, 1} : Padding{1, 0}; }

}  // namespace

UNet::UNet(const UNetConfig& config, Device device, uint64_t seed) : config_(config) {
  EBM_CHECK(config.image.height > 1 && config.image.width > 1, "u-net",
            "images of " + std::to_string(config.image.height) + "x" + std::to_string(config.image.width),
            "2x2 pixels or more");
  Level level{};
  level.height = config.image.height, level.width = config.image.width, level.below = config.condition;
  while (level.height > 1 && level.width > 1) {
    level.above = level.below;
    level.below = levels_.empty() ? config.width : std::min(2 * level.above, config.most_width * config.width);
    level.geometry.stride_h = level.geometry.stride_w = 2;
    level.geometry.pad_h = halving(level.height), level.geometry.pad_w = halving(level.width);
    level.height /= 2, level.width /= 2;
    levels_.push_back(level);
  }
  EBM_CHECK(levels_.back().height == 1 && levels_.back().width == 1, "u-net",
            "images of " + std::to_string(config.image.height) + "x" + std::to_string(config.image.width),
            "edges that are halved to one pixel together");
  // a map of one pixel is its own mean
  for (Level& l : levels_) l.norm = &l != &levels_.front() && &l != &levels_.back();

  size_t entries = 0;
  const auto layer = [&](const std::string& name, const Shape& weight, int64_t outputs, bool bias) {
    const size_t first = entries;
    parameters_.add_weight(name + ".weight", weight, weight.size() / outputs, config_.init);
    if (bias) parameters_.add_zeros(name + ".bias", {outputs});
    entries += bias ? 2 : 1;
    return first;
  };
  for (size_t i = 0; i < levels_.size(); ++i) {
    Level& l = levels_[i];
    l.down_entry = layer("down" + std::to_string(i + 1), {l.below, kKernel, kKernel, l.above}, l.below, !l.norm);
  }
  for (size_t i = levels_.size(); i-- > 0;) {
    Level& l = levels_[i];
    const bool innermost = i + 1 == levels_.size(), outermost = i == 0;
    const int64_t from = innermost ? l.below + config_.latent : 2 * l.below;  // with z, or with the map on the way down
    const int64_t to = outermost ? config_.image.channels : l.above;
    l.up_entry = layer("up" + std::to_string(i + 1), {from, kKernel, kKernel, to}, to, outermost);
    if (!outermost && config_.latent > 0) {
      parameters_.add_weight("shift" + std::to_string(i + 1) + ".weight", {to, config_.latent}, config_.latent,
                             WeightInit::kaiming_uniform);
      ++entries;
    }
  }
  parameters_.allocate(device, seed, config_.number);
}

UNet::Maps UNet::down(const Var& c) const {
  const std::vector<Var>& p = parameters_.vars();
  Maps maps;
  Var h = c;  // (N,H,W,condition)
  for (const Level& l : levels_) {
    if (l.norm)
      h = leaky_relu(instance_norm(conv2d(h, p[l.down_entry], {}, l.geometry)), kSlope);
    else
      h = conv2d(h, p[l.down_entry], p[l.down_entry + 1], l.geometry, kSlope);
    maps.push_back(h);  // (N, H/2, W/2, below), and so on to (N,1,1,below)
  }
  return maps;
}

Var UNet::up(const Maps& maps, const Var& z) const {
  const std::vector<Var>& p = parameters_.vars();
  Var h = maps.back();                                                                             // (N,1,1,below)
  if (config_.latent > 0) h = concat_channels(h, reshape(z, {z.shape()[0], 1, 1, z.shape()[1]}));  // (N,1,1,below+d)
  for (size_t i = levels_.size() - 1; i > 0; --i) {
    const Level& l = levels_[i];
    const Var shift = config_.latent > 0 ? linear(z, p[l.up_entry + 1], {}) : Var();  // (N, above)
    h = relu(instance_norm(conv_transpose2d(h, p[l.up_entry], {}, l.geometry), {}, shift));
    h = concat_channels(h, maps[i - 1]);  // (N, …, 2·above)
  }
  const Level& last = levels_.front();
  return tanh(conv_transpose2d(h, p[last.up_entry], p[last.up_entry + 1], last.geometry));  // (N,H,W,C)
}

}  // namespace ebm
