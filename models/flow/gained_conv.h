// A convolution with a shift and a gain of each output channel, y = (conv(x, w) + b)·e^{3l}: Glow's, whose gain is learned in
// logarithms and thrice as fast (Kingma and Dhariwal 2018, openai/glow). Computed as one convolution with weights w·e^{3l} and
// bias b·e^{3l}.
#pragma once

#include <string>
#include <vector>

#include "autograd/ops.h"
#include "models/parameters.h"

namespace ebm {

// What a convolution is given.
struct ConvWeights {
  Var weight;  // (K,R,S,C)
  Var bias;    // (K)
};

class GainedConv {
 public:
  // kernel × kernel, as large a map as before. std: of the weights at the start; 0: zeros.
  GainedConv(Parameters& parameters, const std::string& name, int64_t kernel, int64_t from, int64_t to, float stddev);

  ConvWeights weights(const Parameters& parameters) const;
  Var operator()(const ConvWeights& w, const Var& x, float negative_slope) const {
    return conv2d(x, w.weight, w.bias, geometry_, negative_slope);
  }
  // Sets shift and gain so that y has mean 0 and deviation 1 over the pixels of x (N,H,W,C), and returns y.
  Tensor initialise(Parameters& parameters, const Tensor& x) const;

 private:
  ConvGeometry geometry_;
  size_t entry_;  // place of the weight among the parameters; shift and log gain follow
};

// Mean and deviation of each channel over all rows and pixels of x (…,C), by the host in double: once, at the start.
struct ChannelMoments {
  std::vector<float> mean, deviation;  // (C)
};
ChannelMoments channel_moments(const Tensor& x);

// Sets a shift b and the log gain l behind it, parameters `entry` and the next, so that (x + b)·e^{3l} has mean 0 and deviation 1 in
// each channel of x (…,C).
void normalise_channels(Parameters& parameters, size_t entry, const Tensor& x);

constexpr float kGainRate = 3;  // e^{3l}: the 3

}  // namespace ebm
