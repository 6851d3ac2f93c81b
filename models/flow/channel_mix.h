// Activation normalisation and the invertible 1×1 convolution behind it (Kingma and Dhariwal 2018, sections 3.1, 3.2):
//   y = W·((x + b) ⊙ e^{3l}),   W = P·L·(U + diag s),   log|det| = H·W·Σ(3l + log|s|) for each row.
// Two layers of the paper, one convolution here: its weights are W·diag(e^{3l}).
#pragma once

#include <cstdint>

#include "models/flow/gained_conv.h"
#include "models/flow/log_det.h"

namespace ebm {

class ChannelMix {
 public:
  ChannelMix(Parameters& parameters, const std::string& name, int64_t channels);

  // Once the parameters are allocated: W becomes a random rotation, a pure function of (seed, network, name's place).
  void start(Parameters& parameters, uint64_t seed, uint32_t network);
  // Sets b and l so that (x + b)·e^{3l} has mean 0 and deviation 1 over the pixels of x (N,H,W,C), and returns y.
  Tensor initialise(Parameters& parameters, const Tensor& x) const;

  ConvWeights weights(const Parameters& parameters) const;
  // x (N,H,W,C) -> y, and what it adds to the logarithm of the determinant.
  Var encode(const Parameters& parameters, const ConvWeights& w, const Var& x, LogDet& log_det) const;
  // The inverse's weights, by the host in double: constants.
  ConvWeights inverse_weights(const Parameters& parameters) const;
  static Var decode(const ConvWeights& inverse, const Var& y) { return conv2d(y, inverse.weight, inverse.bias, {}); }

 private:
  int64_t channels_;
  size_t entry_;  // shift (C), log_gain (C), lower (C,C), log_s (C), upper (C,C)
  LuPattern pattern_;
};

}  // namespace ebm
