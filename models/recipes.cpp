#include "models/recipes.h"

#include <algorithm>

namespace ebm {
namespace {

// TensorFlow's "same" padding as pairs.
constexpr Padding kValid{0, 0}, kAfter{0, 1}, kBoth{1, 1}, kMoreAfter{1, 2};

// Multiplies the channels of all layers so that the first has `width`.
template <class Layer>
void set_width(std::vector<Layer>& layers, size_t count, int64_t width) {
  const int64_t first = layers[0].channels;
  for (size_t i = 0; i < count; ++i) layers[i].channels = std::max<int64_t>(1, layers[i].channels * width / first);
}

NetworkConfigs rescaled(NetworkConfigs n, const NetworkWidths& widths) {
  set_width(n.energy.layers, n.energy.layers.size(), widths.energy);
  set_width(n.encoder.layers, n.encoder.layers.size(), widths.encoder);
  set_width(n.generator.layers, n.generator.layers.size() - 1, widths.generator);  // the last makes the image
  n.energy.outputs = 1;
  n.encoder.latent = n.generator.latent = widths.latent;
  n.encoder.dropout_keep = 1;
  n.energy.init = n.encoder.init = n.generator.init = WeightInit::kaiming_uniform;
  return n;
}

}  // namespace

NetworkConfigs mnist_paper_networks() {
  NetworkConfigs n;
  n.energy.image = n.encoder.image = {28, 28, 1};

  n.energy.layers = {{5, 2, 64, kMoreAfter},  // (N, 14, 14,  64)
                     {3, 2, 128, kAfter},     // (N,  7,  7, 128)
                     {3, 1, 256, kBoth}};     // (N,  7,  7, 256)
  n.energy.outputs = 100;                     // 7×7 valid -> (N, 100), f their sum

  n.encoder.layers = {{4, 2, 64, kBoth},        // (N, 14, 14, 64)
                      {4, 2, 64, kBoth},        // (N,  7,  7, 64)
                      {4, 1, 64, kMoreAfter}};  // (N,  7,  7, 64), flattened to 3136
  n.encoder.latent = 100;
  n.encoder.dropout_keep = 0.8f;

  n.generator.latent = 100;
  n.generator.layers = {{4, 1, 256, kValid},        // (N,  4,  4, 256)
                        {3, 2, 128, kBoth},         // (N,  7,  7, 128)
                        {3, 2, 64, kAfter},         // (N, 14, 14,  64)
                        {3, 2, 1, kAfter, false}};  // (N, 28, 28,   1)
  return n;
}

NetworkConfigs cifar10_paper_networks() {
  NetworkConfigs n;
  n.energy.image = n.encoder.image = {32, 32, 3};

  n.energy.layers = {{3, 1, 64, kBoth},    // (N, 32, 32,  64)
                     {4, 2, 128, kBoth},   // (N, 16, 16, 128)
                     {4, 2, 256, kBoth},   // (N,  8,  8, 256)
                     {4, 2, 256, kBoth}};  // (N,  4,  4, 256)
  n.energy.outputs = 1;                    // 4×4 valid -> (N, 1)

  n.encoder.layers = {{3, 1, 64, kBoth},    // (N, 32, 32,  64)
                      {4, 2, 128, kBoth},   // (N, 16, 16, 128)
                      {4, 2, 256, kBoth},   // (N,  8,  8, 256)
                      {4, 2, 512, kBoth}};  // (N,  4,  4, 512), flattened to 8192
  n.encoder.latent = 100;

  n.generator.latent = 100;
  n.generator.negative_slope = 0.2f;
  n.generator.layers = {{4, 1, 256, kValid},        // (N,  4,  4, 256)
                        {4, 2, 128, kBoth},         // (N,  8,  8, 128)
                        {4, 2, 64, kBoth},          // (N, 16, 16,  64)
                        {3, 2, 64, kAfter, false},  // (N, 32, 32,  64)
                        {3, 1, 3, kBoth, false}};   // (N, 32, 32,   3)
  return n;
}

NetworkConfigs mnist_laptop_networks(const NetworkWidths& widths) { return rescaled(mnist_paper_networks(), widths); }

NetworkConfigs cifar10_laptop_networks(const NetworkWidths& widths) {
  return rescaled(cifar10_paper_networks(), widths);
}

}  // namespace ebm
