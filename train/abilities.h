// What a trained model can be asked, by whatever method it was trained. An empty function is a "cannot".
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/image_shape.h"
#include "core/random.h"
#include "core/tensor.h"
#include "models/energy.h"
#include "train/chains/chain_settings.h"
#include "train/chains/hmc.h"
#include "train/chains/potential.h"

namespace ebm {

// A stage of sampling: what it is called, and n samples as they are then.
struct Panel {
  const char* name;  // "generated", "revised"
  Tensor x;          // (n, H, W, C)
};

struct Samples {
  std::vector<Panel> stages;                                // from the first to the last; one at least
  const Tensor& first() const { return stages.front().x; }  // before any chain
  const Tensor& last() const { return stages.back().x; }
};

struct SampleOptions {
  int64_t steps = 0;       // Langevin steps; 0: none
  double noise_scale = 1;  // 0: gradient descent
  int64_t first_row = 0;   // for chains that begin at kept ones: how many were taken by calls before
};

// Chains by Hamiltonian Monte Carlo: the moves of samples, and what share of them training had the step size adapt to.
struct HmcMoves {
  HmcStep step;
  double target_acceptance;
};

// Everything is computed with the moving averages where they are kept, and leaves the networks as they were.
struct Abilities {
  ImageShape image;                       // of a sample
  SampleOptions usual;                    // how the run's own samples are drawn
  ChainSettings chain;                    // the chains of samples, and where they live
  std::function<HmcMoves()> hmc;          // where the chains' steps are such moves; empty: Langevin steps of `chain`
  bool chains_in_z = false;               // their states are z (n, d), which generate() shows; else images (n, H, W, C)
  int64_t latent = 0;                     // d of generate's z
  double sigma = 0;                       // p(x|z) = N(g(z), σ²·I); 0: the model has none
  const EnergyNet* energy_net = nullptr;  // f of U(x) = ‖x‖²/(2σ_ref²) − f(x), where U is that
  // n samples, deterministic in (key, n, options).
  std::function<Samples(int64_t n, const RandomKey& key, const SampleOptions& options)> sample;
  // Of a conditional model: images under conditions c (n, H, W, C+1), the known part and the mask, begun at g(c, z), z (n, d) or undefined where latent is 0,
  // as stages "generated" and "revised". Chains draw from `key`.
  std::function<Samples(const Tensor& c, const Tensor& z, const RandomKey& key, const SampleOptions& options)> complete;
  // The same model's: sample() shows completions of these images from now on, x and c of a batch.
  std::function<void(std::span<const Tensor> batch)> show;
  // z (n, d) -> images (n, H, W, C).
  std::function<Tensor(const Tensor& z)> generate;
  // x (n, H, W, C) -> the z that fits it, (n, d): the posterior's mean by an encoder, or its mode by a descent.
  std::function<Tensor(const Tensor& x)> encode;
  // U(x) of each image, (n): low = plausible.
  std::function<Tensor(const Tensor& x)> energy;
  const char* energy_says = "";  // what it is, in a line
  // Of a model p(x) = e^{f(x)} q(x)/Z that tilts a density q: f(x), and log q(x) in nats, each (n).
  std::function<Tensor(const Tensor&x)> tilt, log_base;
  // Images of the data set with the noise that U is of: a density cannot be learned from grey levels. Empty: none.
  std::function<Tensor(const Tensor& x, const RandomKey& key)> dequantised;
  // U of the chains' states with its gradient: of the parameters as they are when this is called
  // (Trainer::take_averages), in the arithmetic that U is reported in. The model must outlive it.
  std::function<Potential()> potential;
  // Where chains run in z: U of images x, with its gradient, that they could run on instead.
  std::function<Potential()> potential_of_images;
  // The states that sample()'s chains begin at with `key`, n of them.
  std::function<Tensor(int64_t n, const RandomKey& key)> start;
  // Steps first_step … first_step + options.steps − 1 of the chains that sample() runs with `key`, in place.
  std::function<void(Tensor& state, const RandomKey& key, const SampleOptions& options, int64_t first_step)> revise;
  // V(z|x) = ‖x − g(z)‖²/(2σ²) + U(z) as a potential of z (n, d), one row for each of the images x (n, H, W, C); U as
  // potential() has it. Of the parameters as they are when this is called.
  std::function<Potential(const Tensor& x)> posterior;

  // A chain's states as images (n, H, W, C).
  Tensor shown(const Tensor& state) const { return chains_in_z ? generate(state) : state; }
};

// The abilities that commands ask for by name. `draw`: sample, of nothing given. `chains`: potential, start and revise.
enum class Ability { draw, generate, encode, energy, chains, complete };

}  // namespace ebm
