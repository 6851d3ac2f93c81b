// What a trained model can be asked, by whatever method it was trained. An empty function is a "cannot".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/image_shape.h"
#include "core/random.h"
#include "core/tensor.h"
#include "models/energy.h"
#include "train/chains/chain_settings.h"
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

// Everything is computed with the moving averages where they are kept, and leaves the networks as they were.
struct Abilities {
  ImageShape image;                       // of a sample
  SampleOptions usual;                    // how the run's own samples are drawn
  ChainSettings chain;                    // the run's chains, and where they live
  int64_t latent = 0;                     // d of generate's z
  const EnergyNet* energy_net = nullptr;  // f of U(x) = ‖x‖²/(2σ_ref²) − f(x), where U is that
  // n samples, deterministic in (key, n, options).
  std::function<Samples(int64_t n, const RandomKey& key, const SampleOptions& options)> sample;
  // z (n, d) -> images (n, H, W, C).
  std::function<Tensor(const Tensor& z)> generate;
  // x (n, H, W, C) -> the mean of the posterior of z, (n, d).
  std::function<Tensor(const Tensor& x)> encode;
  // U(x) of each image, (n): low = plausible.
  std::function<Tensor(const Tensor& x)> energy;
  // U with its gradient, for chains: of the parameters as they are when this is called (Trainer::take_averages), in the
  // arithmetic that U is reported in. The model must outlive it.
  std::function<Potential()> potential;
  // Steps first_step … first_step + options.steps − 1 of the chains that sample() runs with `key`, in place.
  std::function<void(Tensor& x, const RandomKey& key, const SampleOptions& options, int64_t first_step)> revise;
};

// The abilities that commands ask for by name.
enum class Ability { generate, encode, energy };

}  // namespace ebm
