// The networks of the recipes, layer by layer: the paper's for mnist, fashion (28×28×1) and cifar10
// (32×32×3), and narrower ones of the same form for a laptop.
#pragma once

#include "models/config.h"

namespace ebm {

struct NetworkConfigs {
  EnergyConfig energy;
  EncoderConfig encoder;
  GeneratorConfig generator;
};

// Parameters: energy 1,625,188, encoder 759,688, generator 779,265.
NetworkConfigs mnist_paper_networks();
// Parameters: energy 1,710,465.
NetworkConfigs cifar10_paper_networks();

// The mnist networks with the energy's widths w, 2w, 4w and one output, a latent vector of d numbers,
// Kaiming-uniform weights; encoder and generator as in the paper.
NetworkConfigs mnist_laptop_networks(int64_t width, int64_t latent);
NetworkConfigs cifar10_laptop_networks(int64_t width, int64_t latent);

}  // namespace ebm
