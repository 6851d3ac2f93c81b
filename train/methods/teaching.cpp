#include "train/methods/teaching.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "train/chains/recorded_chain.h"

namespace ebm {
namespace {

constexpr int64_t kGivenInBatch = 20;  // of generate()

}  // namespace

Teaching::Teaching(const TeachingSettings& s, Parts& parts)
    : settings_(s),
      device_(parts.device()),
      use_graph_(parts.use_graph()),
      energy_(parts, "energy", "energy", energy_optimiser(s), {networks(s).energy, parts.device(), s.seed}),
      encoder_(parts, "encoder", "vae", optimiser(s, s.vae_lr),
               {networks(s).encoder, s.latent, parts.device(), s.seed}),
      generator_(parts, "generator", "vae", optimiser(s, s.vae_lr), {networks(s).generator, parts.device(), s.seed}),
      kl_weight_(parts.number([s](int64_t iteration) { return kl_weight(s, iteration); })),
      image_noise_(parts.number([s](int64_t iteration) { return image_noise(s, iteration); })),
      image_(generator_.net().image()),
      step_(langevin_step_of(s.chain)),
      has_energy_(can(s.method, Ability::energy)) {
  shown_.step = step_;
  shown_.batch = static_cast<float>(s.batch);
  shown_.chains = static_cast<float>(s.chains);
  shown_.pixels = image_.elements();
}

std::vector<BatchPart> Teaching::batch() const { return {{"x", images(settings_.batch)}}; }

Tensor Teaching::latent(Iteration& it) const { return it.normal(Stream::latent, {settings_.chains, settings_.latent}); }

Tensor Teaching::run_chains(Iteration& it, const Tensor& x_hat) {
  it.phase("langevin");
  Tensor x_tilde = x_hat.clone();  // (n, H, W, C)
  langevin_chain(energy_.net(), x_tilde, settings_.chain.steps, step_, it.key(Stream::langevin),
                 it.share(settings_.chains).first, 0, shown_.squared_grad_x.slot());
  shown_.squared_revision = squared_distance(x_tilde, x_hat);
  return x_tilde;
}

void Teaching::begin_energy_update(Iteration& it, const Tensor& x_tilde) {
  it.phase("energy");
  const TeachingSettings& s = settings_;
  const bool blurred = s.image_noise > 0 || s.image_noise_end > 0;
  const Scalar blur = image_noise_.scalar();
  Tensor x = it.data(), y = x_tilde;  // (batch, H, W, C), (n, H, W, C)
  if (blurred) {
    x = with_noise(x, blur, it.key(Stream::data_noise), it.share(s.batch).first);
    y = with_noise(y, blur, it.key(Stream::sample_noise), it.share(s.chains).first);
  }
  // f = −U up to the reference, which does not depend on θ
  Tape tape;
  const Var f_data = energy_(Var(x)), f_samples = energy_(Var(y));  // (batch), (n)
  begin_learning(tape, energy_loss(s, f_data, f_samples, s.chains, shown_), {&energy_});
  shown_.squared_data = sum_squares(x);
  shown_.squared_samples = sum_squares(y);
}

Var Teaching::squared_error(const Var& g, const Tensor& x, int64_t n) {
  return mean(sum_rows(square(sub(g, Var(x)))), n);
}

Posterior Teaching::infer(Iteration& it, const Tensor& images, int64_t n, const RandomKey& dropout_key) const {
  return encoder_(Var(images), &dropout_key, it.share(n).first);
}

Var Teaching::vae_loss(Iteration& it, const Posterior& posterior, const Tensor& images, int64_t n) {
  // z̃ ~ π_β(z|x̃), (n, d)
  const Var z = reparameterise(posterior, it.normal(Stream::posterior, {n, settings_.latent}));
  // mean ‖x̃ − g_α(z̃)‖² + γ·KL(π_β(z|x̃) ‖ N(0, I)), (9)
  const Var reconstruction = squared_error(generator_(z), images, n);
  const Var kl = mean(kl_to_standard_normal(posterior), n);
  shown_.reconstruction = reconstruction.value();
  shown_.kl = kl.value();
  return add(reconstruction, mul(kl, kl_weight_.var()));
}

void Teaching::begin_vae_update(Iteration& it, const Tensor& images, int64_t n) {
  it.phase("vae");
  Tape tape;
  const RandomKey dropout_key = it.key(Stream::dropout);
  begin_learning(tape, vae_loss(it, infer(it, images, n, dropout_key), images, n), {&encoder_, &generator_});
}

Tensor Teaching::noise_images(int64_t n, const RandomKey& key, int64_t first) const {
  Tensor x = Tensor::empty(images(n), device_);
  fill_uniform(x, key, -1.0f, 1.0f, static_cast<uint64_t>(first * image_.elements()));
  return x;
}

Tensor Teaching::sample_start(const RandomKey& key, int64_t first, int64_t /*first_row*/) {
  Tensor z = Tensor::empty({kSampleBatch, settings_.latent}, device_);
  fill_normal(z, key, 0.0f, 1.0f, static_cast<uint64_t>(first * settings_.latent));
  return generator_(Var(z)).value();
}

Abilities Teaching::abilities() {
  Abilities a;
  a.image = image_;
  a.usual = {settings_.sample_steps(), settings_.chain.noise_scale * settings_.chain.sample_noise};
  a.chain = settings_.chain;
  a.sample = [this](int64_t n, const RandomKey& key, const SampleOptions& options) { return sample(n, key, options); };
  if (can(settings_.method, Ability::generate)) {
    a.latent = settings_.latent;
    a.generate = [this](const Tensor& z) { return generate(z); };
  }
  if (can(settings_.method, Ability::encode))
    a.encode = [this](const Tensor& x) {
      const UseAverages averages({&encoder_});
      return encoder_(Var(x)).mu.value();
    };
  if (!has_energy_) return a;
  a.energy_net = &energy_.net();
  a.energy = [this](const Tensor& x) { return energy_of(x); };
  a.energy_says = "U(x) = |x|^2/(2 sigma_ref^2) - f(x), and exp(-U)/Z is the model's density";
  a.potential = [this] { return potential_of(); };
  a.start = [this](int64_t n, const RandomKey& key) { return sample(n, key, {}).first(); };
  a.revise = [this](Tensor& x, const RandomKey& key, const SampleOptions& options, int64_t first_step) {
    revise(x, key, options, first_step);
  };
  return a;
}

Samples Teaching::sample(int64_t n, const RandomKey& key, const SampleOptions& options) {
  const UseAverages averages({&generator_, &energy_});
  Tensor generated = Tensor::empty(images(n), device_), revised = Tensor::empty(images(n), device_);
  RandomKey chain_key = key;
  chain_key.stream = Stream::langevin;
  RecordedChain chain(energy_.net(), images(kSampleBatch), device_, has_energy_ ? options.steps : 0,
                      langevin_step_of(settings_.chain, options.noise_scale), chain_key, use_graph_);
  for (int64_t first = 0; first < n; first += kSampleBatch) {
    Tensor x = sample_start(key, first, options.first_row);  // (kSampleBatch, H, W, C)
    const Shape part = images(std::min(kSampleBatch, n - first));
    generated.view(first * image_.elements(), part).copy_from(x.view(0, part));
    chain.run(x, first);
    revised.view(first * image_.elements(), part).copy_from(x.view(0, part));
  }
  return {{{"generated", generated}, {"revised", revised}}};
}

Tensor Teaching::generate(const Tensor& z) {
  const UseAverages averages({&generator_});
  const int64_t n = z.extent(0), d = settings_.latent;
  Tensor out = Tensor::empty(images(n), device_);
  // A few unusual z would shift the batch's statistics: they stand among draws from N(0, I), the same in every batch.
  Tensor batch = Tensor::empty({kSampleBatch, d}, device_);
  fill_normal(batch, {settings_.seed, Stream::sample, 1, 0}, 0.0f, 1.0f);
  for (int64_t first = 0; first < n; first += kGivenInBatch) {
    const int64_t count = std::min(kGivenInBatch, n - first);
    batch.view(0, {count, d}).copy_from(z.view(first * d, {count, d}));
    const Tensor x = generator_(Var(batch)).value();  // (kSampleBatch, H, W, C)
    out.view(first * image_.elements(), images(count)).copy_from(x.view(0, images(count)));
  }
  return out;
}

void Teaching::revise(Tensor& x, const RandomKey& key, const SampleOptions& options, int64_t first_step) {
  const UseAverages averages({&energy_});
  RandomKey chain_key = key;
  chain_key.stream = Stream::langevin;
  langevin_chain(energy_.net(), x, options.steps, langevin_step_of(settings_.chain, options.noise_scale), chain_key, 0,
                 first_step);
}

Potential Teaching::potential_of() {
  const float reference = 0.5f * step_.inv_sigma_ref_sq;
  const auto f = std::make_shared<const EnergyNet::Frozen>(energy_.net());
  return as_reported(potential([f, reference](const Var& x) {
    const Var minus_f = scale((*f)(x), -1.0f);  // (N)
    return reference > 0 ? add(minus_f, scale(sum_rows(square(x)), reference)) : minus_f;
  }));
}

Tensor Teaching::energy_of(const Tensor& x) {
  const PrecisionScope mode(energy_precision());
  const UseAverages averages({&energy_});
  const Tensor f = EnergyNet::Frozen(energy_.net())(Var(x)).value();  // (N)
  Tensor u = sum_rows(unary(Unary::square, x));                       // ‖x‖² (N)
  scale_in_place(u, 0.5f * step_.inv_sigma_ref_sq);
  add_scaled(u, f, -1.0f);
  return u;
}

}  // namespace ebm
