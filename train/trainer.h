// Variational MCMC teaching, method.md §3, Algorithm 1.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "core/download.h"
#include "core/graph.h"
#include "core/phase_timer.h"
#include "kernels/langevin.h"
#include "kernels/scalars.h"
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
  // seconds of each phase, those of the last iteration that was read with none begun after it
  double seconds_ancestral = 0, seconds_langevin = 0, seconds_energy = 0, seconds_vae = 0;
};

class Trainer {
 public:
  // On a GPU an iteration is recorded as a CUDA graph and replayed, and so are the chains of sample(), unless
  // use_graph is false.
  Trainer(const Settings& settings, Device device, bool use_graph = true);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // One iteration of Algorithm 1 on the data images x (batch,H,W,C), begun and waited for. Throws nothing for
  // NaN: the guard (train/guard.h) judges the metrics.
  Metrics step(const Tensor& x);
  // The same in two parts, so that a GPU need not wait for the host. begin_step() gives the device one
  // iteration's work and returns; then x may be overwritten in order with the device's work. finish_steps()
  // waits for all iterations begun and tells, in order, what those showed that have not been told.
  void begin_step(const Tensor& x);
  std::vector<Metrics> finish_steps();
  // Tells what the iterations showed that were begun before it was last called: the device has those begun
  // since to go on with while the host looks at the numbers.
  std::vector<Metrics> finish_earlier_steps();

  // n samples drawn with `key`: x̂ = g(z) and x̃, the same after num_steps of Langevin. Uses the moving averages
  // where they are kept. Deterministic in (key, n, first_row). Of the baselines, x̂ is what their chains begin at:
  // noise for short_run, the replay buffer's images for persistent; the VAE has no chains, and x̃ is x̂.
  // Persistent chains begin at the buffer's rows in an order that key.seed shuffles, from the first_row-th on: no
  // row twice in a call, nor in calls of one seed if each says how many rows those before it took. Throws Error for
  // more rows than the buffer has. The other methods do not look at first_row.
  struct Samples {
    Tensor generated, revised;  // (n, H, W, C)
  };
  Samples sample(int64_t n, const RandomKey& key, int64_t num_steps, double noise_scale, int64_t first_row = 0);

  // The parts of sample(), for images and latent vectors of the caller's. With the averages where they are kept.
  // g_α(z) (n,H,W,C) of z (n,d). Batch normalisation takes its batch's statistics, which a few unusual z would
  // shift: they are computed among draws from N(0, I), the same in every batch.
  Tensor generate(const Tensor& z);
  // μ_β(x) (n,d), the mean of π_β(z|x), of x (n,H,W,C).
  Tensor encode(const Tensor& x);
  // Steps first_step … first_step + num_steps - 1 of the chains that sample() runs with `key`, in place.
  void revise(Tensor& x, const RandomKey& key, int64_t num_steps, double noise_scale, int64_t first_step = 0);

  // U_θ(x) for each image (N).
  Tensor energy(const Tensor& x);

  // The networks become their moving averages where those are kept: to compute with, not to train on.
  void take_averages();

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
    std::vector<Tensor> buffers;      // of each network: parameters, Adam's moments, average where kept; the replay
                                      // buffer where there is one
    std::vector<int64_t> adam_steps;  // of each network
    int64_t iteration = 0;
    double energy_lr_scale = 1.0;
  };
  void save(Snapshot& snapshot) const;
  // Whether all that a snapshot holds is finite; waits for the device.
  bool is_finite() const;
  void restore(const Snapshot& snapshot);

 private:
  struct Network {
    const char* name;
    Parameters* parameters;
    Adam* adam;
  };
  std::vector<Tensor> buffer_list() const;  // what a Snapshot copies, in its order
  void prepare_step();  // the numbers that this iteration differs by
  void send_rows();     // begins to copy the numbers of unread_ to the host; they are sent_
  void receive_rows();  // waits for them; sent_ to finished_

  // What the device writes down of an iteration: one number (1) each. Everything else in Metrics follows.
  enum Quantity {
    kFData, kFSamples, kEnergyLoss, kReconstruction, kKl,
    kSquaredData, kSquaredSamples,  // Σ x² over the images that the energy saw
    kSquaredGradX,                  // Σ (∂U/∂x)² over all chains
    kSquaredRevision,               // Σ (x̃ − x̂)²
    kSquaredGradEnergy, kSquaredGradEncoder, kSquaredGradGenerator,
    kQuantities
  };
  using Shown = std::array<Tensor, kQuantities>;
  enum Phase { kAncestral, kLangevin, kEnergyUpdate, kVaeUpdate, kPhases };

  // The device's work of an iteration on data_, the same launches each time: by the method's algorithm, made of
  // the parts below.
  void iterate(Shown& shown);
  void algorithm_1(Shown& shown);
  void vae(Shown& shown);
  void coopnets(Shown& shown);
  void short_run(Shown& shown);
  void persistent(Shown& shown);

  // This iteration's key of a stream.
  RandomKey key(Stream stream) const;
  Tensor latent() const;  // ẑ ~ N(0, I_d), (n, d)
  // The images after l Langevin steps from x̂ (n,H,W,C).
  Tensor run_chains(const Tensor& x_hat, Shown& shown);
  // θ by Adam along mean ∇U(x) − mean ∇U(x̃), (7), x being data_.
  void update_energy(const Tensor& x_tilde, Shown& shown);
  // (α, β) by Adam on the VAE's loss of these images, (9).
  void update_vae(const Tensor& images, Shown& shown);
  // n images of uniform noise in [-1, 1), those from number `first` on.
  Tensor noise_images(int64_t n, const RandomKey& key, int64_t first = 0) const;
  // What the samples first, first + 1, … begin at: a batch of them (kSampleBatch,H,W,C). Persistent chains: at rows
  // first_row + first, … of the shuffled buffer.
  Tensor sample_start(const RandomKey& key, int64_t first, int64_t first_row);
  // Images at places first, first + 1, … of the buffer in an order that `seed` shuffles, round its end: (n,H,W,C).
  Tensor shuffled_rows(uint64_t seed, int64_t first, int64_t n) const;

  Settings settings_;
  Device device_;
  Scalars scalars_;
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

  const int random_ = scalars_.add_offset(), row_ = scalars_.add();  // places in scalars_
  const int kl_weight_ = scalars_.add(), image_noise_ = scalars_.add();
  Tensor data_;                     // (batch, H, W, C), this iteration's images
  Tensor buffer_;                   // (kReplayImages, H, W, C), persistent chains; undefined for other methods
  const int buffer_first_ = scalars_.add();  // place in scalars_: the row whose chain is next
  Tensor zero_;                     // (1), what a method that has no such quantity shows
  Tensor rows_;                     // (kRows, kQuantities), what the iterations in unread_ showed
  Download sent_rows_;              // the same of those in sent_
  std::vector<Metrics> unread_, sent_;  // the host's part of them
  std::vector<Metrics> finished_;       // not told yet
  PhaseTimer timer_;
  std::optional<std::array<double, kPhases>> seconds_;  // of each phase, when last none was under way
  const bool use_graph_;
  Graph graph_;
};

}  // namespace ebm
