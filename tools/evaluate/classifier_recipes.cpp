#include "tools/evaluate/classifier_recipes.h"

#include "core/check.h"

namespace ebm {
namespace {

constexpr LeakyRelu kLeaky{0.1f};
constexpr Padding kBoth{1, 1};

// All end in the features and the logits.
NetworkConfig with_head(const Shape& image, std::vector<Layer> layers, int64_t features, int64_t classes = 10,
                        float dropout_keep = 0.5f) {
  const Dropout drop{dropout_keep};
  const Layer head[] = {Flatten{}, drop, Dense{features, "features"}, kLeaky, drop, Dense{classes, "head"}};
  layers.insert(layers.end(), std::begin(head), std::end(head));
  return {3, image, WeightInit::kaiming_uniform, std::move(layers)};
}

NetworkConfig grey_network() {
  return with_head({1, 28, 28, 1},
                   {Conv{3, 1, 16, kBoth}, kLeaky,    // (N, 28, 28,  16)
                    Conv{4, 2, 48, kBoth}, kLeaky,    // (N, 14, 14,  48)
                    Conv{4, 2, 96, kBoth}, kLeaky,    // (N,  7,  7,  96)
                    Conv{3, 1, 128, kBoth}, kLeaky},  // (N,  7,  7, 128)
                   128);
}

NetworkConfig colour_network() {
  return with_head({1, 32, 32, 3},
                   {Conv{3, 1, 32, kBoth}, kLeaky,    // (N, 32, 32,  32)
                    Conv{4, 2, 64, kBoth}, kLeaky,    // (N, 16, 16,  64)
                    Conv{3, 1, 64, kBoth}, kLeaky,    // (N, 16, 16,  64)
                    Conv{4, 2, 128, kBoth}, kLeaky,   // (N,  8,  8, 128)
                    Conv{3, 1, 128, kBoth}, kLeaky,   // (N,  8,  8, 128)
                    Conv{4, 2, 256, kBoth}, kLeaky},  // (N,  4,  4, 256)
                   256);
}

// Of four shapes, 512 images.
NetworkConfig synthetic_network() {
  return with_head({1, 28, 28, 1},
                   {Conv{4, 4, 8, {0, 0}}, kLeaky,   // (N, 7, 7,  8)
                    Conv{3, 2, 16, kBoth}, kLeaky},  // (N, 4, 4, 16)
                   16, 4, 1);
}

}  // namespace

ClassifierRecipe classifier_recipe(const std::string& dataset) {
  if (dataset == "mnist") return {.network = grey_network(), .epochs = 4, .shift = 1};
  if (dataset == "fashion") return {.network = grey_network(), .epochs = 8, .mirror = true};
  if (dataset == "cifar10") return {.network = colour_network(), .epochs = 10, .shift = 3, .mirror = true};
  if (dataset == "synthetic") return {.network = synthetic_network(), .epochs = 16, .batch = 32, .lr = 5e-3};
  EBM_FAIL("classifier", "\"" + dataset + "\"", "mnist, fashion, cifar10 or synthetic");
}

}  // namespace ebm
