#include "models/table.h"

#include <algorithm>

#include "core/check.h"
#include "core/words.h"

namespace ebm {
namespace {

// TensorFlow's "same" padding as pairs.
constexpr Padding kValid{0, 0}, kAfter{0, 1}, kBoth{1, 1}, kMoreAfter{1, 2};
constexpr LeakyRelu kLeaky{0.2f}, kRelu{0.0f};

// A part of a width, and no less than a channel.
int64_t part(int64_t width, int64_t of) { return std::max<int64_t>(1, width / of); }

// Numbers of initial values: 0 energies, 1 generators, 2 encoders, 3 the classifiers of the evaluation, 4 energies in z.

NetworkConfig mnist_energy(const NetworkSize& n) {
  const int64_t w = n.width;
  return {0,
          {1, 28, 28, 1},
          n.init,
          {Conv{5, 2, w, kMoreAfter}, kLeaky,        // (N, 14, 14,  w)
           Conv{3, 2, 2 * w, kAfter}, kLeaky,        // (N,  7,  7, 2w)
           Conv{3, 1, 4 * w, kBoth}, kLeaky,         // (N,  7,  7, 4w)
           Conv{7, 1, n.outputs, kValid, "head"}}};  // (N,  1,  1, outputs)
}

NetworkConfig mnist_encoder(const NetworkSize& n) {
  const int64_t w = n.width;
  const Dropout drop{n.dropout_keep};
  return {2,
          {1, 28, 28, 1},
          n.init,
          {Conv{4, 2, w, kBoth}, kLeaky, drop,       // (N, 14, 14, w)
           Conv{4, 2, w, kBoth}, kLeaky, drop,       // (N,  7,  7, w)
           Conv{4, 1, w, kMoreAfter}, kLeaky, drop,  // (N,  7,  7, w)
           Flatten{}}};                              // (N, 49w)
}

NetworkConfig mnist_generator(const NetworkSize& n) {
  const int64_t w = n.width;
  return {1,
          {1, 1, 1, n.latent},
          n.init,
          {Deconv{4, 1, w, kValid}, BatchNorm{}, kRelu,           // (N,  4,  4, w)
           Deconv{3, 2, part(w, 2), kBoth}, BatchNorm{}, kRelu,   // (N,  7,  7, w/2)
           Deconv{3, 2, part(w, 4), kAfter}, BatchNorm{}, kRelu,  // (N, 14, 14, w/4)
           Deconv{3, 2, 1, kAfter}, Tanh{}}};                     // (N, 28, 28, 1)
}

NetworkConfig cifar10_energy(const NetworkSize& n) {
  const int64_t w = n.width;
  return {0,
          {1, 32, 32, 3},
          n.init,
          {Conv{3, 1, w, kBoth}, kLeaky,             // (N, 32, 32,  w)
           Conv{4, 2, 2 * w, kBoth}, kLeaky,         // (N, 16, 16, 2w)
           Conv{4, 2, 4 * w, kBoth}, kLeaky,         // (N,  8,  8, 4w)
           Conv{4, 2, 4 * w, kBoth}, kLeaky,         // (N,  4,  4, 4w)
           Conv{4, 1, n.outputs, kValid, "head"}}};  // (N,  1,  1, outputs)
}

NetworkConfig cifar10_encoder(const NetworkSize& n) {
  const int64_t w = n.width;
  const Dropout drop{n.dropout_keep};
  return {2,
          {1, 32, 32, 3},
          n.init,
          {Conv{3, 1, w, kBoth}, kLeaky, drop,      // (N, 32, 32,  w)
           Conv{4, 2, 2 * w, kBoth}, kLeaky, drop,  // (N, 16, 16, 2w)
           Conv{4, 2, 4 * w, kBoth}, kLeaky, drop,  // (N,  8,  8, 4w)
           Conv{4, 2, 8 * w, kBoth}, kLeaky, drop,  // (N,  4,  4, 8w)
           Flatten{}}};                             // (N, 128w)
}

NetworkConfig cifar10_generator(const NetworkSize& n) {
  const int64_t w = n.width;
  return {1,
          {1, 1, 1, n.latent},
          n.init,
          {Deconv{4, 1, w, kValid}, BatchNorm{}, kLeaky,          // (N,  4,  4, w)
           Deconv{4, 2, part(w, 2), kBoth}, BatchNorm{}, kLeaky,  // (N,  8,  8, w/2)
           Deconv{4, 2, part(w, 4), kBoth}, BatchNorm{}, kLeaky,  // (N, 16, 16, w/4)
           Deconv{3, 2, part(w, 4), kAfter}, kLeaky,              // (N, 32, 32, w/4)
           Deconv{3, 1, 3, kBoth}, Tanh{}}};                      // (N, 32, 32, 3)
}

// Latent-space EBMs (Pang et al. 2020). No batch normalisation in what a chain in z goes through: it would couple the
// chains of a batch.

NetworkConfig mnist_latent_generator(const NetworkSize& n) {
  const int64_t w = n.width;
  return {1,
          {1, 1, 1, n.latent},
          n.init,
          {Deconv{4, 1, w, kValid}, kLeaky,          // (N,  4,  4, w)
           Deconv{3, 2, part(w, 2), kBoth}, kLeaky,  // (N,  7,  7, w/2)
           Deconv{4, 2, part(w, 4), kBoth}, kLeaky,  // (N, 14, 14, w/4)
           Deconv{4, 2, 1, kBoth}, Tanh{}}};         // (N, 28, 28, 1)
}

NetworkConfig cifar10_latent_generator(const NetworkSize& n) {
  const int64_t w = n.width;
  return {1,
          {1, 1, 1, n.latent},
          n.init,
          {Deconv{8, 1, w, kValid}, kLeaky,          // (N,  8,  8, w)
           Deconv{4, 2, part(w, 2), kBoth}, kLeaky,  // (N, 16, 16, w/2)
           Deconv{4, 2, part(w, 4), kBoth}, kLeaky,  // (N, 32, 32, w/4)
           Deconv{3, 1, 3, kBoth}, Tanh{}}};         // (N, 32, 32, 3)
}

// Networks for the images of a folder: between the image and 4×4 a convolution, or a transposed one, for each halving of
// the edge.

int halvings(const NetworkSize& n) {
  int count = 1;
  while (count < 12 && int64_t{4} << count < n.image.height) ++count;
  EBM_CHECK(n.image.height == n.image.width && n.image.height == int64_t{4} << count, "network",
            std::to_string(n.image.height) + "x" + std::to_string(n.image.width), "a square power of two from 8 on");
  return count;
}

Shape folder_input(const NetworkSize& n) { return {1, n.image.height, n.image.width, n.image.channels}; }

NetworkConfig folder_energy(const NetworkSize& n) {
  std::vector<Layer> layers;
  for (int i = 0; i < halvings(n); ++i) {  // (N, S/2, S/2, w), (N, S/4, S/4, 2w), then 4w down to (N, 4, 4, 4w)
    layers.push_back(Conv{4, 2, n.width << std::min(i, 2), kBoth});
    layers.push_back(kLeaky);
  }
  layers.push_back(Conv{4, 1, n.outputs, kValid, "head"});  // (N, 1, 1, outputs)
  return {0, folder_input(n), n.init, layers};
}

NetworkConfig folder_encoder(const NetworkSize& n) {
  std::vector<Layer> layers;
  for (int i = 0; i < halvings(n); ++i) {  // (N, S/2, S/2, w), (N, S/4, S/4, 2w), 4w, then 8w
    layers.push_back(Conv{4, 2, n.width << std::min(i, 3), kBoth});
    layers.push_back(kLeaky);
    layers.push_back(Dropout{n.dropout_keep});
  }
  layers.push_back(Flatten{});
  return {2, folder_input(n), n.init, layers};
}

NetworkConfig folder_deconvs(const NetworkSize& n, bool normalised) {
  const int64_t w = n.width;
  std::vector<Layer> layers;
  const auto add = [&](const Deconv& deconv) {
    layers.push_back(deconv);
    if (normalised) layers.push_back(BatchNorm{});
    layers.push_back(kLeaky);
  };
  add({4, 1, w, kValid});                // (N,  4,  4, w)
  for (int i = 1; i < halvings(n); ++i)  // (N,  8,  8, w/2), then w/4 up to (N, S/2, S/2, w/4)
    add({4, 2, part(w, i == 1 ? 2 : 4), kBoth});
  layers.push_back(Deconv{4, 2, n.image.channels, kBoth});  // (N, S, S, C)
  layers.push_back(Tanh{});
  return {1, {1, 1, 1, n.latent}, n.init, layers};
}

NetworkConfig folder_generator(const NetworkSize& n) { return folder_deconvs(n, true); }
NetworkConfig folder_latent_generator(const NetworkSize& n) { return folder_deconvs(n, false); }

NetworkConfig latent_energy(const NetworkSize& n) {
  const int64_t w = n.width;
  return {4, {1, n.latent}, n.init, {Dense{w, "dense1"}, kLeaky, Dense{w, "dense2"}, kLeaky, Dense{1, "head"}}};
}

// Of points in the plane, images of one pixel: its convolutions are dense layers.
NetworkConfig points_energy(const NetworkSize& n) {
  const int64_t w = n.width;
  return {0,
          {1, 1, 1, 2},
          n.init,
          {Conv{1, 1, w, kValid}, kLeaky, Conv{1, 1, w, kValid}, kLeaky, Conv{1, 1, 1, kValid, "head"}}};
}

constexpr WeightInit kPaper = WeightInit::normal_0005;

struct Row {
  const char* name;
  NetworkConfig (*network)(const NetworkSize&);
  NetworkSize paper;
};

const Row kRows[] = {
    {"mnist.energy", mnist_energy, {.width = 64, .latent = 100, .outputs = 100, .init = kPaper}},
    {"mnist.encoder", mnist_encoder, {.width = 64, .latent = 100, .dropout_keep = 0.8f, .init = kPaper}},
    {"mnist.generator", mnist_generator, {.width = 256, .latent = 100, .init = kPaper}},
    {"cifar10.energy", cifar10_energy, {.width = 64, .latent = 100, .init = kPaper}},
    {"cifar10.encoder", cifar10_encoder, {.width = 64, .latent = 100, .init = kPaper}},
    {"cifar10.generator", cifar10_generator, {.width = 256, .latent = 100, .init = kPaper}},
    {"mnist.latent-generator", mnist_latent_generator, {.width = 128, .init = WeightInit::xavier_normal}},
    {"cifar10.latent-generator",
     cifar10_latent_generator,
     {.width = 1024, .latent = 128, .init = WeightInit::xavier_normal}},
    // the paper has none
    {"folder.energy", folder_energy, {}},
    {"folder.encoder", folder_encoder, {}},
    {"folder.generator", folder_generator, {}},
    {"folder.latent-generator", folder_latent_generator, {}},
    {"points.energy", points_energy, {}},
    {"latent-energy", latent_energy, {.width = 200, .latent = 100}},
};

const Row& row(const std::string& name) {
  std::vector<std::string> names;
  for (const Row& r : kRows) {
    if (name == r.name) return r;
    names.push_back(r.name);
  }
  EBM_FAIL("network", "\"" + name + "\"", either(names));
}

}  // namespace

NetworkConfig network(const std::string& name, const NetworkSize& size) { return row(name).network(size); }

NetworkSize paper_size(const std::string& name) { return row(name).paper; }

}  // namespace ebm
