// A plain network as data: its layers in order. models/table.cpp holds the recipes' networks as such lists, Sequence
// (models/sequence.h) computes them, and whoever counts shapes, parameters or operations walks them.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/image_shape.h"
#include "kernels/conv/conv.h"

namespace ebm {

// How weights begin. Biases and shifts begin at 0.
enum class WeightInit {
  normal_0005,      // N(0, 0.005²), the paper's
  normal_002,       // N(0, 0.02²), of U-Nets
  kaiming_uniform,  // U(-b, b), b = 1/sqrt(fan_in)
  xavier_normal,    // N(0, 2/(fan_in + fan_out)), of a convolution the channels times R·S
};

// kernel × kernel convolution with a stride and a padding pair, the same in both directions: (N,H,W,C) -> (N,P,Q,K).
// `name` is its parameters': "head" makes "head.weight"; without one they are "conv1", "conv2", … in order.
struct Conv {
  int kernel, stride;
  int64_t channels;
  Padding pad;
  std::string name = {};
};
// The transposed convolution: (N,P,Q,K) -> (N,H,W,C).
struct Deconv {
  int kernel, stride;
  int64_t channels;
  Padding pad;
  std::string name = {};
};
// (N,I) -> (N,O)
struct Dense {
  int64_t outputs;
  std::string name;
};
// With the statistics of the batch, a shift and no scale. The layer before it has no bias then.
struct BatchNorm {};
struct LeakyRelu {
  float negative_slope;  // 0: ReLU
};
struct Tanh {};
struct Dropout {
  float keep;  // 1: none
};
// (N,H,W,C) -> (N,H·W·C)
struct Flatten {};

using Layer = std::variant<Conv, Deconv, Dense, BatchNorm, LeakyRelu, Tanh, Dropout, Flatten>;

// The extents of an image in (N,H,W,C).
inline ImageShape image_of(const Shape& x) { return {x[1], x[2], x[3]}; }

struct NetworkConfig {
  uint32_t number = 0;  // of its initial values' random numbers: networks that are trained together have different ones
  Shape input;          // of one example, with its extent of 1: (1,H,W,C) or (1,I)
  WeightInit init = WeightInit::kaiming_uniform;
  std::vector<Layer> layers;
  int64_t condition = 0;  // of an energy: channels of what its first layer sees beside x (models/energy.h)
};

// Layer i of a config in its place, for a batch of n.
struct PlacedLayer {
  Shape x, y;        // what it is given and what it makes: (n, …)
  std::string name;  // of its parameters; of a BatchNorm that of the layer before it; "" where it has none
  Shape weight;      // (K,R,S,C), (Cin,R,S,Cout) or (O,I); rank 0 where it has none
  ConvGeometry geometry;
  bool transposed = false;
  bool bias = false;     // it has one, of as many elements as y has channels
  float slope = 1;       // of the leaky ReLU that follows it; 1 where none does
  size_t entry = 0;      // the place of its first parameter in the network's list
  uint32_t dropout = 0;  // of a Dropout: how many stand before it

  int64_t outputs() const { return transposed ? weight[3] : weight[0]; }
  double macs() const;  // multiply-adds of the n examples
};

// The layers with their shapes; throws Error where one cannot follow the one before it.
std::vector<PlacedLayer> walk(const NetworkConfig& config, int64_t n = 1);

}  // namespace ebm
