// What a trained NT-EBM can be asked.
#include "autograd/ops.h"
#include "core/precision.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "train/methods/nt_ebm.h"

namespace ebm {
namespace {

constexpr int64_t kAtOnce = 100;  // samples, a multiple of the four elements that are drawn at a time

}  // namespace

bool NtEbm::tilted() const {
  const Parameters& p = f_.parameters();
  return max_abs(p["head.weight"].value()).to_host()[0] > 0;
}

Tensor NtEbm::start(int64_t n, const RandomKey& key) const {
  Tensor z = Tensor::empty({n, dimension_}, device_);
  fill_normal(z, key, 0, 1.0f);
  return z;
}

Tensor NtEbm::generate(const Tensor& z) {
  const int64_t n = z.extent(0);
  const auto images = [&](int64_t count) { return Shape{count, image_.height, image_.width, image_.channels}; };
  Tensor x = Tensor::empty(images(n), device_);
  std::optional<Flow::Frozen> learning;  // while it does
  if (!tilted()) {
    const UseAverages averages({&flow_});
    learning.emplace(flow_.net());
  }
  const Flow::Frozen& flow = learning ? *learning : g();
  for (int64_t first = 0; first < n; first += kAtOnce) {
    const int64_t count = std::min(kAtOnce, n - first);
    const Tensor part = z.view(first * dimension_, {count, dimension_});
    x.view(first * dimension_, images(count)).copy_from(flow.decode(Var(part)).value());
  }
  return x;
}

HmcMoves NtEbm::moves() const {
  HmcStep s = step();
  s.step_size = step_size_.to_host()[0];
  s.adapting = {};
  return {s, settings_.chain.target_acceptance};
}

// Moves of chains with the step size that training found.
void NtEbm::revise(Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_move) {
  if (options.steps == 0) return;
  const UseAverages averages({&f_});
  RandomKey chain_key = key;
  chain_key.stream = Stream::langevin;
  for (int64_t first = 0; first < z.extent(0); first += kAtOnce) {
    const int64_t count = std::min(kAtOnce, z.extent(0) - first);
    Tensor part = z.view(first * dimension_, {count, dimension_});
    hmc_chain(latent_potential(), part, options.steps, step(), chain_key, first_move, first);
  }
}

Samples NtEbm::sample(int64_t n, const RandomKey& key, const SampleOptions& options) {
  Tensor z = start(n, key);  // (n, D)
  Samples samples{{{"flow", generate(z)}}};
  if (!tilted()) return samples;
  revise(z, key, options, 0);
  samples.stages.push_back({"tilted", generate(z)});
  return samples;
}

Potential NtEbm::image_potential() {
  return potential([this](const Var& x) { return scale(add(f_(x), flow_.net().log_density(x)), -1); });
}

Abilities NtEbm::abilities() {
  Abilities a;
  a.image = image_;
  a.usual = {settings_.sample_steps(), 1};
  a.latent = dimension_;
  a.chains_in_z = true;
  a.hmc = [this] { return moves(); };
  a.sample = [this](int64_t n, const RandomKey& key, const SampleOptions& options) { return sample(n, key, options); };
  a.generate = [this](const Tensor& z) { return generate(z); };
  a.encode = [this](const Tensor& x) {
    const UseAverages averages({&flow_});
    return flow_.net().encode(Var(x)).z.value();
  };
  a.tilt = [this](const Tensor& x) {
    const PrecisionScope mode(energy_precision());
    const UseAverages averages({&f_});
    return f_(Var(x)).value();
  };
  a.log_base = [this](const Tensor& x) {
    const PrecisionScope mode(energy_precision());
    const UseAverages averages({&flow_});
    return flow_.net().log_density(Var(x)).value();
  };
  a.energy = [tilt = a.tilt, log_base = a.log_base](const Tensor& x) {
    return scale(add(Var(tilt(x)), Var(log_base(x))), -1).value();
  };
  a.energy_says = "U(x) = -log p(x) up to a constant = -f(x) - log q(x)";
  if (!settings_.of_points())
    a.dequantised = [](const Tensor& x, const RandomKey& key) {
      Tensor y = Tensor::empty(x.shape(), x.device());
      fill_uniform(y, key, 0, kLevel);
      dequantise(y, x);
      return y;
    };
  a.potential = [this] { return as_reported(latent_potential()); };
  a.potential_of_images = [this] { return as_reported(image_potential()); };
  a.start = [this](int64_t n, const RandomKey& key) { return start(n, key); };
  a.revise = [this](Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_move) {
    revise(z, key, options, first_move);
  };
  return a;
}

}  // namespace ebm
