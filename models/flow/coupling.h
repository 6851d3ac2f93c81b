// Affine coupling (Kingma and Dhariwal 2018, table 1): of the halves (x₁, x₂) of the channels the first stays,
//   (t, a) = NN(x₁),   y₂ = (x₂ + t) ⊙ σ(a + 2),   log|det| = Σ log σ(a + 2) for each row.
// NN: two convolutions with ReLU and a third that starts at zero, so that a coupling starts at the constant factor σ(2).
#pragma once

#include "models/flow/gained_conv.h"
#include "models/flow/log_det.h"

namespace ebm {

class Coupling {
 public:
  // channels: of x, at least 2; the first half, rounded down, stays. kernel of the first and the last convolution.
  Coupling(Parameters& parameters, const std::string& name, int64_t channels, int64_t width, int64_t kernel);

  struct Weights {
    ConvWeights first, second, last;
  };
  Weights weights(const Parameters& parameters) const;
  // Sets gains and shifts of NN's first two convolutions by x (N,H,W,C), and returns y.
  Tensor initialise(Parameters& parameters, const Tensor& x) const;

  Var encode(const Weights& w, const Var& x, LogDet& log_det) const;  // (N,H,W,C) -> y
  Var decode(const Weights& w, const Var& y) const;                   // and back

 private:
  struct Affine {
    Var shift, a;  // t, and what the factor is σ(a) of
  };
  Affine affine(const Weights& w, const Var& x1) const;

  int64_t kept_, moved_;  // channels of x₁ and x₂
  GainedConv first_, second_, last_;
};

}  // namespace ebm
