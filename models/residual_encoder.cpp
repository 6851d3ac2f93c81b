#include "models/residual_encoder.h"

#include <algorithm>
#include <string>

#include "autograd/ops.h"
#include "core/check.h"

namespace ebm {
namespace {

constexpr float kSlope = 0.2f;
constexpr int64_t kBlocks = 5;
const ConvGeometry kHalve{2, {1, 1}}, kSame{1, {1, 1}}, kPool{2, {0, 0}};

}  // namespace

ResidualEncoder::ResidualEncoder(const ResidualEncoderConfig& config, Device device, uint64_t seed) : config_(config) {
  const ImageShape& image = config.image;
  EBM_CHECK(std::min(image.height, image.width) >= 4, "encoder",
            "images of " + std::to_string(image.height) + "x" + std::to_string(image.width), "4x4 pixels or more");
  const auto conv = [&](const std::string& name, int64_t kernel, int64_t from, int64_t to, bool bias) {
    parameters_.add_weight(name + ".weight", {to, kernel, kernel, from}, kernel * kernel * from, config_.init);
    if (bias) parameters_.add_zeros(name + ".bias", {to});
  };
  int64_t edge = std::min(image.height, image.width) / 2, channels = config.width;
  conv("conv1", 4, image.channels + config.condition, channels, true);
  while (edge > 1 && static_cast<int64_t>(blocks_.size()) < kBlocks) {
    const auto number = static_cast<int64_t>(blocks_.size()) + 1;
    const Block block{channels, config.width * std::min<int64_t>(number + 1, 4)};
    const std::string name = "block" + std::to_string(number);
    conv(name + ".conv1", 3, block.from, block.from, false);  // what a norm follows has no bias
    conv(name + ".conv2", 3, block.from, block.to, true);
    conv(name + ".shortcut", 1, block.from, block.to, false);
    blocks_.push_back(block);
    channels = block.to;
    edge /= 2;
  }
  parameters_.add_weight("dense.weight", {config.features, channels}, channels, config_.init);
  parameters_.add_zeros("dense.bias", {config.features});
  for (const std::string name : {"mu", "log_v"}) {
    parameters_.add_weight(name + ".weight", {config.latent, config.features}, config.features, config_.init);
    parameters_.add_zeros(name + ".bias", {config.latent});
  }
  parameters_.allocate(device, seed, config_.number);
}

Posterior ResidualEncoder::operator()(const Var& x, const Var& c) const {
  auto next = parameters_.vars().begin();  // in order of their declaration
  const auto take = [&]() -> const Var& { return *next++; };
  const Var &w1 = take(), &b1 = take();
  Var h = conv2d(concat_channels(x, c), w1, b1, kHalve);  // (N, H/2, W/2, width)
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Var &first = take(), &second = take(), &bias = take(), &shortcut = take();
    const Var inner = conv2d(leaky_relu(instance_norm(h), kSlope), first, {}, kSame);
    const Var outer = conv2d(leaky_relu(instance_norm(inner), kSlope), second, bias, kSame);
    h = add(average_pool2d(outer, 2, kPool), conv2d(average_pool2d(h, 2, kPool), shortcut, {}, {}));  // half as large
  }
  const Var features = average_pixels(leaky_relu(h, kSlope));  // (N, channels)
  const Var &dense = take(), &dense_bias = take();
  const Var hidden = leaky_relu(linear(features, dense, dense_bias), kSlope);  // (N, features)
  const Var &mu = take(), &mu_bias = take(), &log_v = take(), &log_v_bias = take();
  return {linear(hidden, mu, mu_bias), linear(hidden, log_v, log_v_bias)};  // (N,d) both
}

}  // namespace ebm
