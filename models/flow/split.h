// The half of the channels that leaves the flow at the end of a level, under a prior which the other half sets (Kingma and Dhariwal
// 2018, section 3): h₂ = μ(h₁) + e^{λ(h₁)} ⊙ ε,   log|det ∂ε/∂h₂| = −Σ λ for each row.
#pragma once

#include "models/flow/gained_conv.h"
#include "models/flow/log_det.h"

namespace ebm {

class Split {
 public:
  // channels: of h; the first half, rounded down, goes on.
  Split(Parameters& parameters, const std::string& name, int64_t channels, int64_t kernel);

  ConvWeights weights(const Parameters& parameters) const { return prior_.weights(parameters); }

  struct Parts {
    Var kept, noise;  // h₁ (N,H,W,C/2) and ε (N,H,W,C − C/2)
  };
  Parts encode(const ConvWeights& w, const Var& h, LogDet& log_det) const;
  Var decode(const ConvWeights& w, const Parts& parts) const;  // -> h (N,H,W,C)

  int64_t kept() const { return kept_; }
  int64_t leaving() const { return leaving_; }

 private:
  int64_t kept_, leaving_;
  GainedConv prior_;
};

}  // namespace ebm
