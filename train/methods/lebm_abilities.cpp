// What a trained latent-space EBM can be asked.
#include <algorithm>

#include "core/precision.h"
#include "kernels/random_fill.h"
#include "train/chains/descent.h"
#include "train/chains/recorded_chain.h"
#include "train/methods/lebm.h"

namespace ebm {
namespace {

constexpr int64_t kAtOnce = 100;  // samples, a multiple of the four elements that are drawn at a time

}  // namespace

std::vector<LearnerBase*> Lebm::learners() {
  if (has_prior()) return {&g_, &*f_};
  return {&g_};
}

Tensor Lebm::start(int64_t n, const RandomKey& key) const {
  Tensor z = Tensor::empty({n, settings_.latent}, device_);
  fill_normal(z, key, 0.0f, 1.0f);
  return z;
}

Samples Lebm::sample(int64_t n, const RandomKey& key, const SampleOptions& options) {
  const Tensor z = start(n, key);  // (n, d)
  Samples samples{{{"generated", generate(z)}}};
  if (!has_prior()) return samples;
  const int64_t d = settings_.latent;
  Tensor revised = Tensor::empty(z.shape(), device_), part = Tensor::zeros({kAtOnce, d}, device_);
  {
    const UseAverages averages(learners());
    RandomKey chain_key = key;
    chain_key.stream = Stream::langevin;
    const LangevinRows step = prior_step(kAtOnce, options.noise_scale);
    RecordedChain chain(
        [&](Tensor& at, int64_t count, const RandomKey& k) { langevin_chain(prior(), at, count, step, k); },
        part.shape(), device_, options.steps, chain_key, use_graph_);
    for (int64_t first = 0; first < n; first += kAtOnce) {
      const Shape rows{std::min(kAtOnce, n - first), d};
      part.view(0, rows).copy_from(z.view(first * d, rows));
      chain.run(part, first);
      revised.view(first * d, rows).copy_from(part.view(0, rows));
    }
  }
  samples.stages.push_back({"revised", generate(revised)});
  return samples;
}

Tensor Lebm::generate(const Tensor& z) {
  const UseAverages averages({&g_});
  const int64_t n = z.extent(0), d = settings_.latent;
  Tensor x = Tensor::empty(images(n), device_);
  for (int64_t first = 0; first < n; first += kAtOnce) {
    const int64_t count = std::min(kAtOnce, n - first);
    x.view(first * image_.elements(), images(count)).copy_from(g_(Var(z.view(first * d, {count, d}))).value());
  }
  return x;
}

void Lebm::revise(Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_step) {
  const UseAverages averages(learners());
  RandomKey chain_key = key;
  chain_key.stream = Stream::langevin;
  langevin_chain(prior(), z, options.steps, prior_step(z.extent(0), options.noise_scale), chain_key, 0, first_step);
}

// Where V(z|x) is low, going down from z = 0 with the parameters as they are.
Tensor Lebm::infer(const Tensor& x) const {
  const double delta = settings_.posterior.step_size;
  Tensor z = Tensor::zeros({x.extent(0), settings_.latent}, device_);
  descend(posterior(x), z, settings_.infer_steps, 0.5 * delta * delta);
  return z;
}

Abilities Lebm::abilities() {
  Abilities a;
  a.image = image_;
  a.usual = {settings_.sample_steps(), 1};
  a.latent = settings_.latent;
  a.sigma = settings_.sigma;
  a.chains_in_z = true;
  const double delta = settings_.prior.step_size;
  a.chain = {.steps = settings_.prior.steps, .drift = 0.5 * delta * delta, .noise = delta, .sigma_ref = 1, .clamp = 0};
  a.sample = [this](int64_t n, const RandomKey& key, const SampleOptions& options) { return sample(n, key, options); };
  a.generate = [this](const Tensor& z) { return generate(z); };
  a.encode = [this](const Tensor& x) {
    const UseAverages averages(learners());
    return infer(x);
  };
  a.energy = [this](const Tensor& x) {
    const PrecisionScope mode(energy_precision());
    const UseAverages averages(learners());
    return posterior(x)(infer(x)).u;
  };
  a.energy_says =
      "U(x) = -log p(x, z) up to a constant = |x - g(z)|^2/(2 sigma^2) + |z|^2/2 - f(z) at the z that a descent finds";
  a.posterior = [this](const Tensor& x) { return as_reported(posterior(x)); };
  if (!has_prior()) return a;
  a.potential = [this] { return as_reported(prior()); };
  a.start = [this](int64_t n, const RandomKey& key) { return start(n, key); };
  a.revise = [this](Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_step) {
    revise(z, key, options, first_step);
  };
  return a;
}

}  // namespace ebm
