#include "models/recipes.h"

namespace ebm {
namespace {

// TensorFlow's "same" padding as pairs.
constexpr Padding kValid{0, 0}, kAfter{0, 1}, kBoth{1, 1}, kMoreAfter{1, 2};

void set_init(NetworkConfigs& networks, WeightInit init) {
  networks.energy.init = networks.encoder.init = networks.generator.init = init;
}

}  // namespace

NetworkConfigs mnist_paper_networks() {
  NetworkConfigs n;
  n.energy.image = n.encoder.image = {28, 28, 1};

  n.energy.layers = {{5, 2, 64, kMoreAfter},  // (N, 14, 14,  64)
                     {3, 2, 128, kAfter},     // (N,  7,  7, 128)
                     {3, 1, 256, kBoth}};     // (N,  7,  7, 256)
  n.energy.outputs = 100;                     // 7×7 valid -> (N, 100), f their sum

  n.encoder.layers = {{4, 2, 64, kBoth},       // (N, 14, 14, 64)
                      {4, 2, 64, kBoth},       // (N,  7,  7, 64)
                      {4, 1, 64, kMoreAfter}}; // (N,  7,  7, 64), flattened to 3136
  n.encoder.latent = 100;
  n.encoder.dropout_keep = 0.8f;

  n.generator.latent = 100;
  n.generator.layers = {{4, 1, 256, kValid},       // (N,  4,  4, 256)
                        {3, 2, 128, kBoth},        // (N,  7,  7, 128)
                        {3, 2, 64, kAfter},        // (N, 14, 14,  64)
                        {3, 2, 1, kAfter, false}}; // (N, 28, 28,   1)
  return n;
}

NetworkConfigs cifar10_paper_networks() {
  NetworkConfigs n;
  n.energy.image = n.encoder.image = {32, 32, 3};

  n.energy.layers = {{3, 1, 64, kBoth},   // (N, 32, 32,  64)
                     {4, 2, 128, kBoth},  // (N, 16, 16, 128)
                     {4, 2, 256, kBoth},  // (N,  8,  8, 256)
                     {4, 2, 256, kBoth}}; // (N,  4,  4, 256)
  n.energy.outputs = 1;                   // 4×4 valid -> (N, 1)

  n.encoder.layers = {{3, 1, 64, kBoth},   // (N, 32, 32,  64)
                      {4, 2, 128, kBoth},  // (N, 16, 16, 128)
                      {4, 2, 256, kBoth},  // (N,  8,  8, 256)
                      {4, 2, 512, kBoth}}; // (N,  4,  4, 512), flattened to 8192
  n.encoder.latent = 100;

  n.generator.latent = 100;
  n.generator.negative_slope = 0.2f;
  n.generator.layers = {{4, 1, 256, kValid},       // (N,  4,  4, 256)
                        {4, 2, 128, kBoth},        // (N,  8,  8, 128)
                        {4, 2, 64, kBoth},         // (N, 16, 16,  64)
                        {3, 2, 64, kAfter, false}, // (N, 32, 32,  64)
                        {3, 1, 3, kBoth, false}};  // (N, 32, 32,   3)
  return n;
}

NetworkConfigs mnist_laptop_networks(int64_t width, int64_t latent) {
  NetworkConfigs n = mnist_paper_networks();
  for (size_t i = 0; i < n.energy.layers.size(); ++i) n.energy.layers[i].channels = width << i;
  n.energy.outputs = 1;
  n.encoder.latent = n.generator.latent = latent;
  set_init(n, WeightInit::kaiming_uniform);
  return n;
}

NetworkConfigs cifar10_laptop_networks(int64_t width, int64_t latent) {
  NetworkConfigs n = cifar10_paper_networks();
  const int64_t energy_widths[] = {width, 2 * width, 4 * width, 4 * width};
  for (size_t i = 0; i < n.energy.layers.size(); ++i) n.energy.layers[i].channels = energy_widths[i];
  for (size_t i = 0; i < n.encoder.layers.size(); ++i) n.encoder.layers[i].channels /= 2;
  n.encoder.latent = n.generator.latent = latent;
  set_init(n, WeightInit::kaiming_uniform);
  return n;
}

}  // namespace ebm
