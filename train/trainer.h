// Variational MCMC teaching, method.md §3, Algorithm 1.
#pragma once

#include <array>
#include <vector>

#include "kernels/langevin.h"
#include "models/encoder.h"
#include "models/energy.h"
#include "models/generator.h"
#include "train/adam.h"
#include "train/safetensors.h"
#include "train/settings.h"

namespace ebm {

// What one iteration showed: method.md, "Watch while training".
struct Metrics {
  int64_t iteration = 0;        // counted from 1
  // On data and on revised samples, both with the image noise that the energy's loss sees them with:
  float f_data = 0, f_samples = 0;  // mean f = −U up to the reference
  float u_data = 0, u_samples = 0;  // mean U
  float energy_gap = 0;         // f_data − f_samples; near 0 when the two networks keep up with each other
  float energy_loss = 0;        // with the penalty energy_l2
  float reconstruction = 0;     // mean ‖x̃ − g(z̃)‖²
  float kl = 0;                 // mean KL( π_β(z|x̃) ‖ N(0, I) )
  float grad_x = 0;             // root mean square of ‖∂U/∂x‖ over chains, at the last step
  float drift = 0;              // its size in one update, (δ²/2)·‖∂U/∂x‖ ...
  float noise = 0;              // ... against that of the noise, δ·sqrt(D)
  float revision = 0;           // mean-square ‖x̃ − x̂‖ over chains, as a root: what the VAE still has to close
  float grad_energy = 0, grad_vae = 0;  // gradient norms before clipping
  float energy_lr = 0, vae_lr = 0;
  // seconds of each phase
  double seconds_ancestral = 0, seconds_langevin = 0, seconds_energy = 0, seconds_vae = 0;
};

class Trainer {
 public:
  Trainer(const Settings& settings, Device device);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // One iteration of Algorithm 1 on the data images x (batch,H,W,C). Throws nothing for NaN: the guard
  // (train/guard.h) judges the metrics.
  Metrics step(const Tensor& x);

  // n samples from latent vectors drawn with `key`: x̂ = g(z) and x̃, the same after num_steps of Langevin.
  // Uses the moving averages where they are kept. Deterministic in (key, n).
  struct Samples {
    Tensor generated, revised;  // (n, H, W, C)
  };
  Samples sample(int64_t n, const RandomKey& key, int64_t num_steps, double noise_scale);

  // g(μ(x)) for each image of x (N, H, W, C): what the latent space keeps of it. Uses the moving averages as
  // sample() does.
  Tensor reconstruct(const Tensor& x);

  // U_θ(x) for each image (N).
  Tensor energy(const Tensor& x);

  int64_t iteration() const { return iteration_; }  // iterations done
  double energy_lr_scale() const { return energy_lr_scale_; }
  void set_energy_lr_scale(double scale) { energy_lr_scale_ = scale; }
  const Settings& settings() const { return settings_; }
  Device device() const { return device_; }
  const EnergyNet& energy_net() const { return energy_; }
  const Generator& generator() const { return generator_; }

  // Everything the next iteration depends on, as host tensors: parameters by name ("energy.conv1.weight"),
  // Adam's moments and averages ("energy.adam_m", "energy.average"), and counters as metadata.
  SafetensorsFile state() const;
  // Takes such a state; throws Error, and changes nothing, if a tensor is missing or of another shape.
  void load_state(const SafetensorsFile& state);

  // The same kept on the device: cheap enough for every few iterations. save() reuses the memory of a
  // snapshot that was taken before.
  struct Snapshot {
    std::vector<Tensor> buffers;      // of each network: parameters, Adam's moments, average where kept
    std::vector<int64_t> adam_steps;  // of each network
    int64_t iteration = 0;
    double energy_lr_scale = 1.0;
  };
  void save(Snapshot& snapshot) const;
  void restore(const Snapshot& snapshot);

 private:
  struct Network {
    const char* name;
    Parameters* parameters;
    Adam* adam;
  };
  std::vector<Tensor> buffer_list() const;  // what a Snapshot copies, in its order

  Settings settings_;
  Device device_;
  EnergyNet energy_;
  Encoder encoder_;
  Generator generator_;
  Adam energy_adam_, encoder_adam_, generator_adam_;
  const std::array<Network, 3> networks_ = {{{"energy", &energy_.parameters(), &energy_adam_},
                                             {"encoder", &encoder_.parameters(), &encoder_adam_},
                                             {"generator", &generator_.parameters(), &generator_adam_}}};
  LangevinStep langevin_;
  int64_t iteration_ = 0;
  double energy_lr_scale_ = 1.0;  // lowered by the guard
};

}  // namespace ebm
