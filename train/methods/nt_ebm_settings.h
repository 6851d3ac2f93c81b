// The settings of NT-EBM: an energy-based model that tilts a normalising flow.
#pragma once

#include "models/flow/flow.h"
#include "models/table.h"
#include "train/settings.h"

namespace ebm {

// How chains move in z.
struct LatentMoves {
  // "hmc": Hamiltonian Monte Carlo. "langevin": short-run Langevin, one leapfrog step a move, of the size that it begins with,
  // and never refused: so it samples p(z) only nearly, and most nearly with small steps.
  std::string sampler = "hmc";
  int64_t moves = 3;           // K: of a chain in an iteration
  int64_t sample_moves = 0;    // of samples; 0: 50
  int64_t leapfrog_steps = 3;  // L of a move
  double step_size = 0.1;      // ε at the start
  // a*: ε grows by 1 % after moves that are accepted more often, else shrinks by as much.
  double target_acceptance = 0.8;
  // Each n-th move proposes a fresh z ~ N(0, I), accepted by e^{f(g(z'))−f(g(z))}: from valley to valley. 0: none does.
  int64_t independent_every = 0;

  bool adjusted() const { return sampler == "hmc"; }
  void describe(SettingVisitor& v);
};

// The defaults are the laptop profile's.
struct NtEbmSettings : Settings {
  NtEbmSettings() {
    method = "nt-ebm";
    iterations = 9500;
    guard_gap = 0;  // f has no scale that is known beforehand
  }

  std::string network = "mnist";  // which energy: mnist's for 28×28×1 images, cifar10's for 32×32×3, points' for points
  std::string flow_steps = "4,8";  // of each level of the flow

  int64_t flow_iterations = 8000;  // of the flow by maximum likelihood; those that are left tilt it
  double flow_lr = 1e-3;
  int64_t flow_warmup = 500;  // iterations over which that rate rises to its value
  double flow_clip_norm = 50;
  int64_t flow_width = 64;

  // Of the tilt's first iterations: f learns to tell data from the flow's samples, which needs no chains. Its optimum is
  // log p_data/q (noise contrastive estimation, Gutmann and Hyvärinen 2010).
  int64_t nce_iterations = 0;
  LatentMoves chain;
  // Where an iteration's chains begin. "fresh": z ~ N(0, I). "persistent": where the last iteration's ended.
  std::string chain_start = "fresh";
  int64_t chains = 64;
  double energy_lr = 1e-4;
  double energy_decay = 0.5;  // weight decay of θ: an iteration shrinks it by 1 − η_θ·energy_decay
  double energy_l2 = 0.01;    // c: weight of mean f(x)² + mean f(x̃)²
  double adam_beta1 = 0.9, adam_beta2 = 0.999;
  double ema_decay = 0.999;
  int64_t width = 32;  // of the energy

  std::unique_ptr<Settings> clone() const override { return std::make_unique<NtEbmSettings>(*this); }
  void describe(SettingVisitor& v) override;
  void check_together() const override;
  bool of_points() const { return network == "points"; }  // in the plane (train/data/points.h)
  int64_t sample_steps() const override { return chain.sample_moves > 0 ? chain.sample_moves : 50; }
  void take_fact(const std::string& name, const std::string& text) override;
};

struct NtEbmNetworks {
  FlowConfig flow;
  NetworkConfig energy;
};
NtEbmNetworks networks(const NtEbmSettings& settings);

}  // namespace ebm
