#include "train/trainer.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "train/dataset.h"
#include "train/recorded_chain.h"

namespace ebm {
namespace {

constexpr int64_t kRows = 64;  // iterations whose numbers the device holds

Tensor standard_normal(const Shape& shape, Device device, const RandomKey& key) {
  Tensor x = Tensor::empty(shape, device);
  fill_normal(x, key, 0.0f, 1.0f);
  return x;
}

// x + stddev · noise
Tensor with_noise(const Tensor& x, Scalar stddev, const RandomKey& key) {
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
    std::erase_if(networks_, [](const auto& network) { return !network.second->has_average(); });
    for (auto& [parameters, adam] : networks_) current_.push_back(parameters->flat().clone());
    for (auto& [parameters, adam] : networks_) parameters->flat().copy_from(adam->average());
  }
  ~UseAverages() {
    try {
      for (size_t i = 0; i < networks_.size(); ++i) networks_[i].first->flat().copy_from(current_[i]);
    } catch (const Error&) {
      // the device is lost, and whoever asks it for anything is told so
    }
  }
  UseAverages(const UseAverages&) = delete;
  UseAverages& operator=(const UseAverages&) = delete;

 private:
  std::vector<std::pair<Parameters*, Adam*>> networks_;
  std::vector<Tensor> current_;
};

// Batch normalisation takes its batch's statistics: samples are always drawn in batches of this size, a multiple of
// the four elements that are drawn at a time.
constexpr int64_t kSampleBatch = 100;
constexpr int64_t kGivenInBatch = 20;  // of generate()

}  // namespace

Trainer::Trainer(const Settings& s, Device device, bool use_graph)
    : settings_(s),
      device_(device),
      scalars_(device),
      energy_(networks(s).energy, device, s.seed),
      encoder_(networks(s).encoder, device, s.seed),
      generator_(networks(s).generator, device, s.seed),
      energy_adam_(energy_.parameters(), scalars_, s.adam_beta1, s.adam_beta2, s.clip_norm, s.ema_decay,
                   s.energy_decay),
      encoder_adam_(encoder_.parameters(), scalars_, s.adam_beta1, s.adam_beta2, s.clip_norm, s.ema_decay),
      generator_adam_(generator_.parameters(), scalars_, s.adam_beta1, s.adam_beta2, s.clip_norm, s.ema_decay),
      langevin_(langevin_step_of(s)),
      zero_(Tensor::zeros({1}, device)),
      rows_(Tensor::zeros({kRows, kQuantities}, device)),
      sent_rows_(rows_.shape(), device),
      timer_(device, {"ancestral", "langevin", "energy update", "vae update"}),
      use_graph_(use_graph),
      graph_(device, use_graph) {
  const ImageShape image = generator_.image();
  data_ = Tensor::zeros({s.batch, image.height, image.width, image.channels}, device);
  if (s.method == Method::persistent) buffer_ = noise_images(kReplayImages, {s.seed, Stream::start, 0, 1});
}

Metrics Trainer::step(const Tensor& x) {
  begin_step(x);
  return finish_steps().back();
}

void Trainer::begin_step(const Tensor& x) {
  check_shape("training step", "x", x, data_.shape());
  if (static_cast<int64_t>(unread_.size()) == kRows) {
    receive_rows();
    send_rows();
  }
  data_.copy_from(x);
  prepare_step();
  graph_.run([this] {
    Shown shown;
    shown.fill(zero_);
    iterate(shown);
    store_row(shown, rows_, scalars_.scalar(row_));
  });
  unread_.back().iteration = ++iteration_;
}

void Trainer::prepare_step() {
  const double decay = lr_factor(settings_, iteration_);
  Metrics m;
  m.energy_lr = static_cast<float>(settings_.energy_lr * decay * energy_lr_scale_);
  m.vae_lr = static_cast<float>(settings_.vae_lr * decay);
  energy_adam_.prepare(m.energy_lr);
  encoder_adam_.prepare(m.vae_lr);
  generator_adam_.prepare(m.vae_lr);
  scalars_.set_offset(random_, {static_cast<uint32_t>(iteration_), 0, 0});
  scalars_.set(kl_weight_, static_cast<float>(kl_weight(settings_, iteration_)));
  scalars_.set(image_noise_, static_cast<float>(image_noise(settings_, iteration_)));
  scalars_.set(row_, static_cast<float>(unread_.size()));
  scalars_.set(buffer_first_, static_cast<float>(iteration_ * settings_.chains % kReplayImages));
  scalars_.upload();
  unread_.push_back(m);
}

void Trainer::iterate(Shown& shown) {
  switch (settings_.method) {
    case Method::ebm_vae: algorithm_1(shown); break;
    case Method::vae: vae(shown); break;
    case Method::coopnets: coopnets(shown); break;
    case Method::short_run: short_run(shown); break;
    case Method::persistent: persistent(shown); break;
  }
  timer_.end();
}

void Trainer::algorithm_1(Shown& shown) {
  timer_.begin(kAncestral);
  const Tensor z_hat = latent();                        // 1. ẑ ~ N(0, I_d)          (n, d)
  const Tensor x_hat = generator_(Var(z_hat)).value();  //    x̂ = g_α(ẑ)            (n, H, W, C)
  const Tensor x_tilde = run_chains(x_hat, shown);      // 2. x̃: l Langevin steps   (n, H, W, C)
  // 3. and 4. after 5., as the recipes do; both see the same x̃
  update_energy(x_tilde, shown);                        // 5. θ by (7)
  update_vae(x_tilde, shown);                           // 3. z̃ ~ π_β(z|x̃), 4. (α, β) by (9)
}

RandomKey Trainer::key(Stream stream) const { return {settings_.seed, stream, 0, 0, scalars_.offset(random_)}; }

Tensor Trainer::latent() const {
  return standard_normal({settings_.chains, settings_.latent}, device_, key(Stream::latent));
}

Tensor Trainer::noise_images(int64_t n, const RandomKey& key, int64_t first) const {
  const ImageShape image = generator_.image();
  Tensor x = Tensor::empty({n, image.height, image.width, image.channels}, device_);
  fill_uniform(x, key, -1.0f, 1.0f, static_cast<uint64_t>(first * image.elements()));
  return x;
}

Tensor Trainer::run_chains(const Tensor& x_hat, Shown& shown) {
  timer_.begin(kLangevin);
  Tensor x_tilde = x_hat.clone();                                                             // (n, H, W, C)
  langevin_chain(energy_, x_tilde, settings_.num_steps, langevin_, key(Stream::langevin), 0, 0,
                 &shown[kSquaredGradX]);
  shown[kSquaredRevision] = squared_distance(x_tilde, x_hat);
  return x_tilde;
}

void Trainer::update_energy(const Tensor& x_tilde, Shown& shown) {
  timer_.begin(kEnergyUpdate);
  const Settings& s = settings_;
  const bool blurred = s.image_noise > 0 || s.image_noise_end > 0;
  const Scalar blur = scalars_.scalar(image_noise_);
  const Tensor x = blurred ? with_noise(data_, blur, key(Stream::data_noise)) : data_;        // (batch, H, W, C)
  const Tensor y = blurred ? with_noise(x_tilde, blur, key(Stream::sample_noise)) : x_tilde;  // (n, H, W, C)
  // f = −U up to the reference, which does not depend on θ
  Tape tape;
  const Var f_data = energy_(Var(x)), f_samples = energy_(Var(y));                            // (batch), (n)
  const Var penalty = add(mean(square(f_data)), mean(square(f_samples)));
  const Var mean_data = mean(f_data), mean_samples = mean(f_samples);                         // (1)
  const Var loss = add(sub(mean_samples, mean_data), scale(penalty, static_cast<float>(s.energy_l2)));
  shown[kSquaredGradEnergy] = energy_adam_.step(tape.gradient(loss, energy_.parameters().vars()));
  shown[kFData] = mean_data.value();
  shown[kFSamples] = mean_samples.value();
  shown[kEnergyLoss] = loss.value();
  shown[kSquaredData] = sum_squares(x);
  shown[kSquaredSamples] = sum_squares(y);
}

void Trainer::update_vae(const Tensor& images, Shown& shown) {
  timer_.begin(kVaeUpdate);
  const int64_t n = images.extent(0);
  Tape tape;
  const RandomKey dropout_key = key(Stream::dropout);
  const Posterior posterior = encoder_(Var(images), &dropout_key);
  // z̃ ~ π_β(z|x̃), (n, d)
  const Var z = reparameterise(posterior, standard_normal({n, settings_.latent}, device_, key(Stream::posterior)));
  // mean ‖x̃ − g_α(z̃)‖² + γ·KL(π_β(z|x̃) ‖ N(0, I)), (9)
  const Var reconstruction = mean(sum_rows(square(sub(generator_(z), Var(images)))));
  const Var kl = mean(kl_to_standard_normal(posterior));
  const Var loss = add(reconstruction, mul(kl, Var(scalars_.tensor(kl_weight_))));
  const auto [dbeta, dalpha] = gradients(tape, loss, encoder_.parameters(), generator_.parameters());
  shown[kSquaredGradEncoder] = encoder_adam_.step(dbeta);
  shown[kSquaredGradGenerator] = generator_adam_.step(dalpha);
  shown[kReconstruction] = reconstruction.value();
  shown[kKl] = kl.value();
}

void Trainer::send_rows() {
  if (unread_.empty()) return;
  sent_rows_.start(rows_);
  sent_ = std::exchange(unread_, {});
}

void Trainer::receive_rows() {
  if (sent_.empty()) return;
  const std::span<const float> rows = sent_rows_.host();  // waits for these iterations
  if (unread_.empty() || !seconds_) {  // while a phase runs again its time cannot be asked for
    synchronize(device_);
    seconds_.emplace();
    for (int phase = 0; phase < kPhases; ++phase) (*seconds_)[phase] = timer_.seconds(phase);
  }
  for (size_t i = 0; i < sent_.size(); ++i) {
    const float* shown = rows.data() + i * kQuantities;
    const auto n = static_cast<float>(settings_.chains);
    Metrics& m = sent_[i];
    m.f_data = shown[kFData];
    m.f_samples = shown[kFSamples];
    m.energy_gap = m.f_data - m.f_samples;
    m.energy_loss = shown[kEnergyLoss];
    m.reconstruction = shown[kReconstruction];
    m.kl = shown[kKl];
    const float reference = 0.5f * langevin_.inv_sigma_ref_sq;
    m.u_data = reference * shown[kSquaredData] / static_cast<float>(settings_.batch) - m.f_data;
    m.u_samples = reference * shown[kSquaredSamples] / n - m.f_samples;
    m.grad_x = std::sqrt(shown[kSquaredGradX] / n);
    m.drift = langevin_.drift * m.grad_x;
    m.noise = langevin_.noise * std::sqrt(static_cast<float>(generator_.image().elements()));
    m.revision = std::sqrt(shown[kSquaredRevision] / n);
    m.grad_energy = std::sqrt(shown[kSquaredGradEnergy]);
    m.grad_vae = std::sqrt(shown[kSquaredGradEncoder] + shown[kSquaredGradGenerator]);
    m.seconds_ancestral = (*seconds_)[kAncestral];
    m.seconds_langevin = (*seconds_)[kLangevin];
    m.seconds_energy = (*seconds_)[kEnergyUpdate];
    m.seconds_vae = (*seconds_)[kVaeUpdate];
  }
  finished_.insert(finished_.end(), sent_.begin(), sent_.end());
  sent_.clear();
}

std::vector<Metrics> Trainer::finish_earlier_steps() {
  receive_rows();
  send_rows();
  return std::exchange(finished_, {});
}

std::vector<Metrics> Trainer::finish_steps() {
  receive_rows();
  send_rows();
  receive_rows();
  return std::exchange(finished_, {});
}

Tensor Trainer::shuffled_rows(uint64_t seed, int64_t first, int64_t n) const {
  const ImageShape image = generator_.image();
  const Shape row{1, image.height, image.width, image.channels};
  Tensor x = Tensor::empty({n, image.height, image.width, image.channels}, device_);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t from = permuted_index(seed, 0, (first + i) % kReplayImages, kReplayImages);
    x.view(i * image.elements(), row).copy_from(buffer_.view(from * image.elements(), row));
  }
  return x;
}

Tensor Trainer::sample_start(const RandomKey& key, int64_t first, int64_t first_row) {
  if (settings_.method == Method::persistent) return shuffled_rows(key.seed, first_row + first, kSampleBatch);
  if (settings_.method == Method::short_run)
    return noise_images(kSampleBatch, {key.seed, Stream::start, key.iteration, key.step}, first);
  Tensor z = Tensor::empty({kSampleBatch, settings_.latent}, device_);
  fill_normal(z, key, 0.0f, 1.0f, static_cast<uint64_t>(first * settings_.latent));
  return generator_(Var(z)).value();
}

Trainer::Samples Trainer::sample(int64_t n, const RandomKey& key, int64_t num_steps, double noise_scale,
                                 int64_t first_row) {
  EBM_CHECK(settings_.method != Method::persistent || (first_row >= 0 && n <= kReplayImages - first_row), "sample",
            fmt::format("{} samples of persistent chains from row {} on", n, first_row),
            fmt::format("at most the {} rows of their replay buffer", kReplayImages));
  const UseAverages averages({{&generator_.parameters(), &generator_adam_}, {&energy_.parameters(), &energy_adam_}});
  const ImageShape image = generator_.image();
  const Shape shape{n, image.height, image.width, image.channels};
  Samples out{Tensor::empty(shape, device_), Tensor::empty(shape, device_)};
  RandomKey chain_key = key;
  chain_key.stream = Stream::langevin;
  if (!trains(settings_.method, NetworkKind::energy)) num_steps = 0;
  RecordedChain chain(energy_, {kSampleBatch, image.height, image.width, image.channels}, device_, num_steps,
                      langevin_step_of(settings_, noise_scale), chain_key, use_graph_);
  for (int64_t first = 0; first < n; first += kSampleBatch) {
    Tensor x = sample_start(key, first, first_row);  // (kSampleBatch, H, W, C)
    const int64_t count = std::min(kSampleBatch, n - first);
    const Shape part{count, image.height, image.width, image.channels};
    out.generated.view(first * image.elements(), part).copy_from(x.view(0, part));
    chain.run(x, first);
    out.revised.view(first * image.elements(), part).copy_from(x.view(0, part));
  }
  return out;
}

Tensor Trainer::generate(const Tensor& z) {
  const UseAverages averages({{&generator_.parameters(), &generator_adam_}});
  const int64_t n = z.extent(0), d = settings_.latent;
  const ImageShape image = generator_.image();
  Tensor out = Tensor::empty({n, image.height, image.width, image.channels}, device_);
  Tensor batch = standard_normal({kSampleBatch, d}, device_, {settings_.seed, Stream::sample, 1, 0});
  for (int64_t first = 0; first < n; first += kGivenInBatch) {
    const int64_t count = std::min(kGivenInBatch, n - first);
    batch.view(0, {count, d}).copy_from(z.view(first * d, {count, d}));
    const Tensor x = generator_(Var(batch)).value();  // (kSampleBatch, H, W, C)
    const Shape part{count, image.height, image.width, image.channels};
    out.view(first * image.elements(), part).copy_from(x.view(0, part));
  }
  return out;
}

Tensor Trainer::encode(const Tensor& x) {
  const UseAverages averages({{&encoder_.parameters(), &encoder_adam_}});
  return encoder_(Var(x)).mu.value();
}

void Trainer::revise(Tensor& x, const RandomKey& key, int64_t num_steps, double noise_scale, int64_t first_step) {
  const UseAverages averages({{&energy_.parameters(), &energy_adam_}});
  RandomKey chain_key = key;
  chain_key.stream = Stream::langevin;
  langevin_chain(energy_, x, num_steps, langevin_step_of(settings_, noise_scale), chain_key, 0, first_step);
}

void Trainer::take_averages() {
  for (const Network& network : networks_)
    if (network.adam->has_average()) network.parameters->flat().copy_from(network.adam->average());
}

Tensor Trainer::energy(const Tensor& x) {
  const PrecisionScope mode(energy_precision());
  const UseAverages averages({{&energy_.parameters(), &energy_adam_}});
  const Tensor f = EnergyNet::Frozen(energy_)(Var(x)).value();                    // (N)
  Tensor u = sum_rows(unary(Unary::square, x));                                   // ‖x‖² (N)
  scale_in_place(u, 0.5f * langevin_.inv_sigma_ref_sq);
  add_scaled(u, f, -1.0f);
  return u;
}

}  // namespace ebm
