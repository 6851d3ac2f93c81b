// NT-EBM (Nijkamp, Gao, Sountsov, Vasudevan, Pang, Zhu, Wu, ICLR 2022): p(x) = e^{f_θ(x)} q_α(x)/Z, a flow q_α that an energy
// tilts. In the flow's z the Jacobians cancel, p(z) ∝ exp(−U(z)) with U(z) = ‖z‖²/2 − f(g_α(z)), and chains mix there.
// Two stages in one run: α by maximum likelihood, then θ with α as it is.
#pragma once

#include <memory>
#include <optional>

#include "models/energy.h"
#include "train/chains/hmc.h"
#include "train/learner.h"
#include "train/method.h"
#include "train/methods/nt_ebm_settings.h"

namespace ebm {

// What an iteration shows, beside gradient norms and rates.
struct NtEbmShown {
  Quantity log_density;                 // mean log q(x), nats
  Quantity f_data, f_samples;           // mean f
  Quantity energy_loss;                 // with the penalty
  Quantity acceptance;                  // mean probability that a move is accepted
  Quantity step_size{OverRanks::same};  // ε
  Quantity squared_z;                   // Σ z² of the chains' ends

  int64_t dimension = 1;
  float values = 1;  // of z in all chains
  // Of a value: log2(128), which the 256 levels of [-1, 1] have beyond what the density says; 0 of points.
  float level_bits = 7;

  void describe(ShownVisitor& v);
};

constexpr float kLevel = 2.0f / 256;  // the width of a grey level in [-1, 1]

// Images in [-1, 1] of 256 grey levels with noise of a level, uniform: q has a density, and f must not learn the grid of levels.
// `noise` holds draws of U(0, kLevel), and the images afterwards.
void dequantise(Tensor& noise, const Tensor& x);

class NtEbm : public Method {
 public:
  NtEbm(const NtEbmSettings& s, Parts& parts);

  std::vector<BatchPart> batch() const override;
  std::vector<const char*> phases() const override { return {"flow", "hmc", "energy"}; }
  int stage(int64_t iteration) const override;
  bool waits(int stage) const override { return stage == begin_flow; }
  void iterate(Iteration& it) override;
  void between(int64_t iteration) override;
  std::string signs() const override {
    return "f = log p(x) - log q(x) up to a constant: high = more plausible than the flow has it";
  }
  void describe(ShownVisitor& v) override { shown_.describe(v); }
  std::string lowered(double slowed) const override;
  std::string advice() const override { return "a lower --energy-lr, or a higher --energy-l2"; }
  Abilities abilities() override;

 private:
  enum Stage { begin_flow, learn_flow, contrast, tilt };

  Tensor data(Iteration& it) const;  // x (n, H, W, C), dequantised
  void update_flow(const Tensor& x);
  Tensor run_chains(Iteration& it);  // their ends z (n, D)
  void update_tilt(Iteration& it, const Tensor& x);
  // g_α of the flow's averages. Once it has learned it stays, in one place: iterations that are recorded read it there.
  const Flow::Frozen& g();
  // U(z) = ‖z‖²/2 − f(g(z)), (N), of parameters as they are when it is called.
  Potential latent_potential();
  HmcStep step() const;         // of the size that it has adapted to
  HmcMoves moves() const;       // the same, read by the host
  Potential image_potential();  // U(x) = −f(x) − log q(x), (N)

  bool tilted() const;  // f is no longer 0: until then chains would leave N(0, I) as it is
  Tensor start(int64_t n, const RandomKey& key) const;  // z ~ N(0, I), (n, D)
  Tensor generate(const Tensor& z);
  Samples sample(int64_t n, const RandomKey& key, const SampleOptions& options);
  void revise(Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_move);

  const NtEbmSettings settings_;
  const Device device_;
  Learner<Flow> flow_;
  Learner<EnergyNet> f_;
  const ImageShape image_;
  const int64_t dimension_;  // D
  Tensor step_size_;         // ε, (1)
  Tensor chains_;            // (chains, D), where persistent ones are; else undefined
  std::unique_ptr<Flow::Frozen> frozen_;
  NtEbmShown shown_;
};

void nt_ebm_shown(ShownVisitor& v);
std::unique_ptr<Method> make_nt_ebm(const Settings&, Parts&);

}  // namespace ebm
