// The plain networks of the recipes, a row each (models/table.cpp): "mnist.energy" is the energy of "mnist".
#pragma once

#include <string>

#include "models/layer.h"

namespace ebm {

// What a row leaves open.
struct NetworkSize {
  int64_t width = 32;        // channels of the first layer; those of the others keep their proportion to it
  int64_t latent = 16;       // d, where the network begins with z
  int64_t outputs = 1;       // of an energy's head
  float dropout_keep = 1.0;  // 1: none
  WeightInit init = WeightInit::kaiming_uniform;
  ImageShape image = {};  // square, of a folder's networks
};

// Throws Error for a name that has no row.
NetworkConfig network(const std::string& name, const NetworkSize& size);
// The size that the paper gives it.
NetworkSize paper_size(const std::string& name);

}  // namespace ebm
