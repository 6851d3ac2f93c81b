#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "train/langevin.h"

namespace ebm {
namespace {

// Seconds from one lap to the next, device work included.
class PhaseClock {
 public:
  explicit PhaseClock(Device device) : device_(device) {}
  double lap() {
    synchronize(device_);
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }

 private:
  Device device_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Tensor standard_normal(const Shape& shape, Device device, const RandomKey& key) {
  Tensor x = Tensor::empty(shape, device);
  fill_normal(x, key, 0.0f, 1.0f);
  return x;
}

// x + stddev · noise
Tensor with_noise(const Tensor& x, float stddev, const RandomKey& key) {
  if (stddev <= 0) return x;
  Tensor y = Tensor::empty(x.shape(), x.device());
  fill_normal(y, key, 0.0f, stddev);
  add_scaled(y, x, 1.0f);
  return y;
}

// Σ (a − b)² as (1).
Tensor squared_distance(const Tensor& a, const Tensor& b) { return sum_squares(binary(Binary::sub, a, b)); }

// The gradients of two networks' parameters in one walk over the tape.
std::pair<std::vector<Tensor>, std::vector<Tensor>> gradients(Tape& tape, const Var& loss, const Parameters& first,
                                                              const Parameters& second) {
  std::vector<Var> targets = first.vars();
  targets.insert(targets.end(), second.vars().begin(), second.vars().end());
  const std::vector<Tensor> all = tape.gradient(loss, targets);
  const auto split = all.begin() + static_cast<int64_t>(first.vars().size());
  return {{all.begin(), split}, {split, all.end()}};
}

// While alive, the networks whose averages are kept compute with them.
class UseAverages {
 public:
  explicit UseAverages(std::vector<std::pair<Parameters*, Adam*>> networks) : networks_(std::move(networks)) {
    for (auto& [parameters, adam] : networks_) {
      if (!adam->has_average()) continue;
      current_.push_back(parameters->flat().clone());
      parameters->flat().copy_from(adam->average());
    }
  }
  ~UseAverages() {
    size_t i = 0;
    for (auto& [parameters, adam] : networks_) {
      if (adam->has_average()) parameters->flat().copy_from(current_[i++]);
    }
  }
  UseAverages(const UseAverages&) = delete;
  UseAverages& operator=(const UseAverages&) = delete;

 private:
  std::vector<std::pair<Parameters*, Adam*>> networks_;
  std::vector<Tensor> current_;
};

// Batch normalisation takes its batch's statistics: samples are always drawn in batches of this size.
constexpr int64_t kSampleBatch = 100;

}  // namespace

Trainer::Trainer(const Settings& s, Device device)
    : settings_(s),
      device_(device),
      energy_(networks(s).energy, device, s.seed),
      encoder_(networks(s).encoder, device, s.seed),
      generator_(networks(s).generator, device, s.seed),
      energy_adam_(energy_.parameters(), s.adam_beta1, s.adam_beta2, s.clip_norm, s.ema_decay, s.energy_decay),
      encoder_adam_(encoder_.parameters(), s.adam_beta1, s.adam_beta2, s.clip_norm, s.ema_decay),
      generator_adam_(generator_.parameters(), s.adam_beta1, s.adam_beta2, s.clip_norm, s.ema_decay),
      langevin_(langevin_step_of(s)) {}

Metrics Trainer::step(const Tensor& data) {
  const Settings& s = settings_;
  const int64_t n = s.chains, d = s.latent;
  const auto iteration = static_cast<uint32_t>(iteration_);
  const auto key = [&](Stream stream) { return RandomKey{s.seed, stream, iteration, 0}; };
  const double decay = lr_factor(s, iteration_);
  Metrics m;
  m.energy_lr = static_cast<float>(s.energy_lr * decay * energy_lr_scale_);
  m.vae_lr = static_cast<float>(s.vae_lr * decay);
  PhaseClock clock(device_);

  // 1. ẑ ~ N(0, I_d), x̂ = g_α(ẑ)
  const Tensor z_hat = standard_normal({n, d}, device_, key(Stream::latent));         // (n, d)
  const Tensor x_hat = generator_(Var(z_hat)).value();                                // (n, H, W, C)
  m.seconds_ancestral = clock.lap();

  // 2. x̃: l Langevin steps on U_θ from x̂
  Tensor x_tilde = x_hat.clone();                                                     // (n, H, W, C)
  const ChainStats chain = langevin_chain(energy_, x_tilde, s.num_steps, langevin_, key(Stream::langevin));
  m.seconds_langevin = clock.lap();

  // 5. θ by Adam along mean ∇U(x) − mean ∇U(x̃); f = −U, and the reference term does not depend on θ.
  // (The recipes update θ before α and β; both see the same x̃.)
  const float blur = static_cast<float>(image_noise(s, iteration_));
  const Tensor x = with_noise(data, blur, key(Stream::data_noise));                   // (batch, H, W, C)
  const Tensor y = with_noise(x_tilde, blur, key(Stream::sample_noise));              // (n, H, W, C)
  {
    Tape tape;
    const Var f_data = energy_(Var(x)), f_samples = energy_(Var(y));                  // (batch), (n)
    const Var penalty = add(mean(square(f_data)), mean(square(f_samples)));
    const Var loss = add(sub(mean(f_samples), mean(f_data)), scale(penalty, static_cast<float>(s.energy_l2)));
    m.grad_energy = energy_adam_.step(tape.gradient(loss, energy_.parameters().vars()), m.energy_lr);
    m.f_data = mean(f_data).value().item();
    m.f_samples = mean(f_samples).value().item();
    m.energy_loss = loss.value().item();
  }
  m.seconds_energy = clock.lap();

  // 3. z̃ ~ π_β(z|x̃) and 4. (α, β) by Adam on mean ‖x̃ − g_α(z̃)‖² + γ·KL(π_β(z|x̃) ‖ N(0, I)), (9)
  {
    Tape tape;
    const RandomKey dropout_key = key(Stream::dropout);
    const Posterior posterior = encoder_(Var(x_tilde), &dropout_key);
    const Var z_tilde = reparameterise(posterior, standard_normal({n, d}, device_, key(Stream::posterior)));  // (n, d)
    const Var reconstruction = mean(sum_rows(square(sub(generator_(z_tilde), Var(x_tilde)))));
    const Var kl = mean(kl_to_standard_normal(posterior));
    const Var loss = add(reconstruction, scale(kl, static_cast<float>(kl_weight(s, iteration_))));
    const auto [dbeta, dalpha] = gradients(tape, loss, encoder_.parameters(), generator_.parameters());
    m.grad_vae = std::hypot(encoder_adam_.step(dbeta, m.vae_lr), generator_adam_.step(dalpha, m.vae_lr));
    m.reconstruction = reconstruction.value().item();
    m.kl = kl.value().item();
  }
  m.seconds_vae = clock.lap();

  const float reference = 0.5f * langevin_.inv_sigma_ref_sq;
  m.u_data = reference * sum_squares(x).item() / static_cast<float>(s.batch) - m.f_data;
  m.u_samples = reference * sum_squares(y).item() / static_cast<float>(n) - m.f_samples;
  m.energy_gap = m.f_data - m.f_samples;
  m.grad_x = chain.grad_sq.defined() ? std::sqrt(chain.grad_sq.item() / n) : 0.0f;
  m.drift = langevin_.drift * m.grad_x;
  m.noise = langevin_.noise * std::sqrt(static_cast<float>(generator_.image().elements()));
  m.revision = std::sqrt(squared_distance(x_tilde, x_hat).item() / n);
  m.iteration = ++iteration_;
  return m;
}

Trainer::Samples Trainer::sample(int64_t n, const RandomKey& key, int64_t num_steps, double noise_scale) {
  const UseAverages averages({{&generator_.parameters(), &generator_adam_}, {&energy_.parameters(), &energy_adam_}});
  const ImageShape image = generator_.image();
  const Shape shape{n, image.height, image.width, image.channels};
  Samples out{Tensor::empty(shape, device_), Tensor::empty(shape, device_)};
  LangevinStep step = langevin_;
  step.noise = static_cast<float>(settings_.noise * noise_scale);
  for (int64_t first = 0; first < n; first += kSampleBatch) {
    Tensor z = Tensor::empty({kSampleBatch, settings_.latent}, device_);
    fill_normal(z, key, 0.0f, 1.0f, static_cast<uint64_t>(first * settings_.latent));
    Tensor x = generator_(Var(z)).value();  // (kSampleBatch, H, W, C)
    const int64_t count = std::min(kSampleBatch, n - first);
    const Shape part{count, image.height, image.width, image.channels};
    out.generated.view(first * image.elements(), part).copy_from(x.view(0, part));
    RandomKey chain_key = key;
    chain_key.stream = Stream::langevin;
    langevin_chain(energy_, x, num_steps, step, chain_key, first);
    out.revised.view(first * image.elements(), part).copy_from(x.view(0, part));
  }
  return out;
}

Tensor Trainer::reconstruct(const Tensor& x) {
  const UseAverages averages({{&generator_.parameters(), &generator_adam_}, {&encoder_.parameters(), &encoder_adam_}});
  const int64_t n = x.extent(0), pixels = generator_.image().elements();
  const Shape batch{kSampleBatch, x.extent(1), x.extent(2), x.extent(3)};
  Tensor out = Tensor::empty(x.shape(), device_);
  for (int64_t first = 0; first < n; first += kSampleBatch) {
    // the last batch is filled up with the first images: every batch has one size
    Tensor part = Tensor::empty(batch, device_);
    for (int64_t i = 0; i < kSampleBatch; ++i)
      part.view(i * pixels, {pixels}).copy_from(x.view((first + i) % n * pixels, {pixels}));
    const Tensor y = generator_(encoder_(Var(part)).mu).value();  // (kSampleBatch, H, W, C)
    const Shape kept{std::min(kSampleBatch, n - first) * pixels};
    out.view(first * pixels, kept).copy_from(y.view(0, kept));
  }
  return out;
}

Tensor Trainer::energy(const Tensor& x) {
  const UseAverages averages({{&energy_.parameters(), &energy_adam_}});
  const Tensor f = EnergyNet::Frozen(energy_)(Var(x)).value();                    // (N)
  Tensor u = sum_rows(unary(Unary::square, x));                                   // ‖x‖² (N)
  scale_in_place(u, 0.5f * langevin_.inv_sigma_ref_sq);
  add_scaled(u, f, -1.0f);
  return u;
}

}  // namespace ebm
