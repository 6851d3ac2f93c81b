// What a network looks like, as data: the tables of the recipes (models/recipes.cpp) are values of these
// structs, and the three networks build themselves from them. Widths and depths differ, the code does not.
#pragma once

#include <vector>

#include "core/image_shape.h"
#include "kernels/conv/conv.h"

namespace ebm {

// How weights begin. Biases begin at 0.
enum class WeightInit {
  normal_0005,      // N(0, 0.005²), the paper's
  kaiming_uniform,  // U(-b, b), b = 1/sqrt(fan_in)
};

// kernel × kernel convolution with stride and a padding pair, the same in both directions.
struct ConvLayer {
  int kernel, stride;
  int64_t channels;
  Padding pad;
};

// f_θ: convolutions with leaky ReLU, then one convolution that covers the whole remaining map and has
// `outputs` outputs; f is their sum.
struct EnergyConfig {
  ImageShape image;
  std::vector<ConvLayer> layers;
  int64_t outputs = 1;
  float negative_slope = 0.2f;
  WeightInit init = WeightInit::normal_0005;
};

// π_β: convolutions with leaky ReLU and dropout, flatten, then two dense layers μ and log v.
struct EncoderConfig {
  ImageShape image;
  std::vector<ConvLayer> layers;
  int64_t latent = 100;
  float dropout_keep = 1.0f;  // 1: none
  float negative_slope = 0.2f;
  WeightInit init = WeightInit::normal_0005;  // of the convolutions; dense layers are Glorot uniform
};

// g_α: transposed convolutions from a 1×1 map of the latent vector. All layers but the last are followed by
// batch normalisation (shift only) where asked and leaky ReLU (slope 0: ReLU); the last by tanh.
struct GeneratorLayer {
  int kernel, stride;
  int64_t channels;
  Padding pad;
  bool batch_norm = true;
};

struct GeneratorConfig {
  int64_t latent = 100;
  std::vector<GeneratorLayer> layers;
  float negative_slope = 0.0f;
  WeightInit init = WeightInit::normal_0005;
};

}  // namespace ebm
