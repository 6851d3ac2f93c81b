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

// Channels of the first layer of each network, and d.
struct NetworkWidths {
  int64_t energy, generator, encoder, latent;
};

// The same layers with other widths, which keep the paper's proportions from layer to layer; one output
// of the energy, no dropout, Kaiming-uniform weights.
NetworkConfigs mnist_laptop_networks(const NetworkWidths& widths);
NetworkConfigs cifar10_laptop_networks(const NetworkWidths& widths);

}  // namespace ebm
