// Latent-space EBM (Pang, Han, Nijkamp, Zhu, Wu, NeurIPS 2020): p(z) ∝ exp(f_θ(z))·N(z; 0, I) and x = g_α(z) + σ·noise,
// by maximum likelihood with a Langevin chain on the posterior of z and one on its prior. And alternating
// back-propagation (Han et al., AAAI 2017), which is the same with f ≡ 0. docs/method.md has the equations.
#include "train/methods/lebm.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "core/precision.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "models/generator.h"
#include "models/table.h"
#include "train/chains/recorded_chain.h"
#include "train/learner.h"

namespace ebm {
namespace {

constexpr Stream kPosteriorChain{64}, kPriorStart{65};

constexpr int64_t kAtOnce = 100;         // samples, a multiple of the four elements that are drawn at a time
constexpr int64_t kSlopeRows = 8;        // posterior samples whose slope ‖∂g/∂z‖ is estimated,
constexpr int kSlopeRounds = 2;          // by so many rounds of power iteration an iteration
constexpr float kSlopeDistance = 0.05f;  // of two z whose images are compared
constexpr double kMostZ = 30;            // |z| of a chain that has blown up: N(0, 1) reaches 6

NetworkConfig generator_of(const LebmSettings& s) {
  return network(s.network + ".latent-generator",
                 {.width = s.generator_width, .latent = s.latent, .init = WeightInit::xavier_normal});
}

NetworkConfig energy_of(const LebmSettings& s) {
  return network("latent-energy", {.width = s.energy_width, .latent = s.latent});
}

OptimiserSettings optimiser(const LebmSettings& s, double lr) {
  return {.lr = [s, lr](int64_t iteration) { return lr / (1 + static_cast<double>(iteration) / s.lr_tau); },
          .beta1 = s.adam_beta1,
          .beta2 = s.adam_beta2,
          .clip_norm = s.clip_norm,
          .ema_decay = s.ema_decay,
          // a blow-up comes from the posterior chain's step: the first return halves that, later ones the rates
          .slow = [s](double slowed) { return slowed < 1 ? slowed / s.guard_lr_factor : 1.0; }};
}

// δ₁: half its setting once the guard has taken the run back.
double posterior_step(const LebmSettings& s, double slowed) {
  return slowed < 1 ? 0.5 * s.posterior.step_size : s.posterior.step_size;
}

Var half_square(const Var& z) { return scale(sum_rows(square(z)), 0.5f); }  // ‖z‖²/2, (N)

// What an iteration shows, beside gradient norms and rates; of z⁺ of the posterior chain and z⁻ of the prior's.
struct LebmShown {
  Quantity reconstruction;                          // mean ‖x − g(z⁺)‖²
  Quantity f_plus, f_minus;                         // mean f
  Quantity sum_plus, sum_minus;                     // Σ z, over all its elements
  Quantity squared_plus, squared_minus, most_plus;  // Σ z², max |z|
  Quantity squared_gradient;                        // Σ (∂V/∂z)² at the posterior chain's last step
  Quantity slope;                                   // the largest singular value of ∂g/∂z that was seen, squared
  Quantity step_size;                               // δ₁

  float values = 1, chains = 1, sigma = 1;  // elements of z in a batch; rows

  void describe(ShownVisitor& v, bool has_prior);
};

void LebmShown::describe(ShownVisitor& v, bool has_prior) {
  for (Quantity* q : {&sum_plus, &squared_plus, &squared_gradient, &slope, &step_size}) v.quantity(*q);
  v("reconstruction", "generator/reconstruction", reconstruction,
    {.progress = "reconstruction {:.4g}",
     .chart = "Reconstruction",
     .line = "‖x − g(z⁺)‖²",
     .about = "mean ‖x − g(z⁺)‖² of the data at the end of their posterior chains"});
  const auto sd = [this](const Quantity& sum, const Quantity& squares) {
    const float mean = sum.value() / values;
    return std::sqrt(std::max(squares.value() / values - mean * mean, 0.0f));
  };
  constexpr char kMoments[] = "Standard deviation of z", kMeans[] = "Mean of z";
  v.column("z_posterior_mean", "z/posterior_mean", [this] { return sum_plus.value() / values; },
           {.chart = kMeans, .line = "posterior", .about = "over a batch: posterior and prior must agree"});
  v.column("z_posterior_sd", "z/posterior_sd", [=, this] { return sd(sum_plus, squared_plus); },
           {.chart = kMoments, .line = "posterior", .about = "over a batch: posterior and prior must agree"});
  v("z_posterior_max", "z/posterior_max", most_plus,
    {.most = kMostZ, .chart = "Largest |z|", .line = "posterior", .about = "beyond 30 the chain has blown up"});
  v.column("grad_z", "z/grad", [this] { return std::sqrt(squared_gradient.value() / chains); },
           {.chart = "Gradient of the posterior", .line = "‖∂V/∂z‖", .about = "at its last step, root mean square"});
  constexpr char kSlope[] = "Stability of the posterior chain";
  v.column("slope", "z/slope", [this] { return std::sqrt(slope.value()); },
           {.chart = kSlope,
            .line = "‖∂g/∂z‖",
            .about = "the generator's steepest slope, from below, and what δ₁ bears: a chain above it blows up"});
  v.column("slope_bound", "z/slope_bound", [this] { return 2 * sigma / step_size.value(); },
           {.chart = kSlope, .line = "2σ/δ₁"});
  if (!has_prior) return;
  for (Quantity* q : {&sum_minus, &squared_minus}) v.quantity(*q);
  constexpr char kF[] = "f on posterior and prior samples";
  v("f_posterior", "energy/f_posterior", f_plus, {.chart = kF, .line = "posterior", .about = "high = plausible"});
  v("f_prior", "energy/f_prior", f_minus, {.chart = kF, .line = "prior"});
  v.column("energy_gap", "energy/gap", [this] { return f_plus.value() - f_minus.value(); },
           {.progress = "energy gap {:+.3g}",
            .judged = Judged::gap,
            .chart = "Energy gap",
            .line = "gap",
            .about = "mean f(z⁺) − mean f(z⁻): near 0 while the prior keeps up with the posterior"});
  v.column("z_prior_mean", "z/prior_mean", [this] { return sum_minus.value() / values; },
           {.chart = kMeans, .line = "prior"});
  v.column("z_prior_sd", "z/prior_sd", [=, this] { return sd(sum_minus, squared_minus); },
           {.chart = kMoments, .line = "prior"});
}

class Lebm : public Method {
 public:
  Lebm(const LebmSettings& s, Parts& parts, bool has_prior);

  std::vector<BatchPart> batch() const override { return {{"x", images(settings_.batch)}}; }
  std::vector<const char*> phases() const override;
  void iterate(Iteration& it) override;
  std::string signs() const override { return "f = log p(z) - log N(z; 0, I) up to a constant: high = plausible"; }
  void describe(ShownVisitor& v) override { shown_.describe(v, has_prior()); }
  std::string lowered(double slowed) const override;
  Abilities abilities() override;

 private:
  bool has_prior() const { return f_.has_value(); }
  Shape images(int64_t n) const { return {n, image_.height, image_.width, image_.channels}; }

  // U(z) = ‖z‖²/2 − f(z), (N); at low U the prior is high.
  Var prior_energy(const Var& z) const;
  Potential prior() const;
  // V(z|x) = ‖x − g(z)‖²/(2σ²) + U(z), of the images x (N, H, W, C).
  Potential posterior(const Tensor& x) const;
  // Steps of sampling: the settings', with another factor of the noise.
  LangevinRows prior_step(int64_t n, double noise_scale) const;

  void update_generator(Iteration& it, const Tensor& z_plus);
  void update_energy(Iteration& it, const Tensor& z_plus, const Tensor& z_minus);
  void watch_slope(const Tensor& z_plus);

  Tensor start(int64_t n, const RandomKey& key) const;  // z ~ N(0, I), (n, d)
  Samples sample(int64_t n, const RandomKey& key, const SampleOptions& options);
  Tensor generate(const Tensor& z);
  void revise(Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_step);
  Tensor infer(const Tensor& x) const;  // (n, H, W, C) -> z (n, d)
  std::vector<LearnerBase*> learners();

  const LebmSettings settings_;
  const Device device_;
  const bool use_graph_;
  Learner<Generator> g_;
  std::optional<Learner<Sequence>> f_;
  const Number drift_, noise_;  // of the posterior chain: δ₁²/2, δ₁
  const ImageShape image_;
  Tensor direction_;  // (kSlopeRows, d), of length 1: along it the generator is steepest, as far as it was found
  LebmShown shown_;
};

Lebm::Lebm(const LebmSettings& s, Parts& parts, bool has_prior)
    : settings_(s),
      device_(parts.device()),
      use_graph_(parts.use_graph()),
      g_(parts, "generator", "generator", optimiser(s, s.generator_lr), {generator_of(s), parts.device(), s.seed}),
      drift_(parts.number([s](int64_t, double slowed) { return 0.5 * std::pow(posterior_step(s, slowed), 2); })),
      noise_(parts.number([s](int64_t, double slowed) { return posterior_step(s, slowed); })),
      image_(g_.net().image()) {
  if (has_prior)
    f_.emplace(parts, "energy", "energy", optimiser(s, s.energy_lr), Sequence(energy_of(s), parts.device(), s.seed));
  Tensor direction = Tensor::empty({std::min(kSlopeRows, s.batch), s.latent}, device_);
  fill_normal(direction, {s.seed, Stream::projection}, 0.0f, 1.0f);
  normalise_rows(direction);
  direction_ = parts.buffer("slope_direction", direction);
  shown_.chains = static_cast<float>(s.batch);
  shown_.values = shown_.chains * static_cast<float>(s.latent);
  shown_.sigma = static_cast<float>(s.sigma);
}

std::vector<const char*> Lebm::phases() const {
  if (!has_prior()) return {"posterior", "generator"};
  return {"posterior", "prior", "generator", "energy"};
}

Var Lebm::prior_energy(const Var& z) const {
  if (!has_prior()) return half_square(z);
  return sub(half_square(z), reshape((*f_)(z), {z.shape()[0]}));
}

Potential Lebm::prior() const {
  return potential([this](const Var& z) { return prior_energy(z); });
}

Potential Lebm::posterior(const Tensor& x) const {
  const auto weight = static_cast<float>(0.5 / (settings_.sigma * settings_.sigma));
  return potential([this, x, weight](const Var& z) {
    return add(scale(tanh_error(g_.net().before_tanh(z), x), weight), prior_energy(z));
  });
}

LangevinRows Lebm::prior_step(int64_t n, double noise_scale) const {
  const double delta = settings_.prior.step_size;
  return same_step(n, static_cast<float>(0.5 * delta * delta), static_cast<float>(delta * noise_scale), device_);
}

void Lebm::iterate(Iteration& it) {
  const LebmSettings& s = settings_;
  const Shape latent{s.batch, s.latent};

  it.phase("posterior");
  Tensor z_plus = it.normal(Stream::latent, latent);  // z⁺ ~ N(0, I), then the chain on V(z|x)  (n, d)
  const LangevinRows step{expand(drift_.var().value(), {s.batch}, 1), expand(noise_.var().value(), {s.batch}, 1)};
  PotentialValue last;
  langevin_chain(posterior(it.data()), z_plus, s.posterior.steps, step, it.key(kPosteriorChain), 0, 0, &last);
  if (last.gradient.defined()) shown_.squared_gradient = sum_squares(last.gradient);
  shown_.step_size = noise_.var().value();
  shown_.sum_plus = sum(z_plus);
  shown_.squared_plus = sum_squares(z_plus);
  shown_.most_plus = max_abs(z_plus);
  watch_slope(z_plus);

  Tensor z_minus;
  if (has_prior()) {
    it.phase("prior");
    z_minus = it.normal(kPriorStart, latent);  // z⁻ ~ N(0, I), then the chain on U(z)  (n, d)
    langevin_chain(prior(), z_minus, s.prior.steps, prior_step(s.batch, 1), it.key(Stream::langevin));
    shown_.sum_minus = sum(z_minus);
    shown_.squared_minus = sum_squares(z_minus);
  }

  update_generator(it, z_plus);
  if (has_prior()) update_energy(it, z_plus, z_minus);
}

// α by Adam on mean ‖x − g(z⁺)‖²: Adam does not see the factor 1/(2σ²).
void Lebm::update_generator(Iteration& it, const Tensor& z_plus) {
  it.phase("generator");
  Tape tape;
  const Var error = mean(tanh_error(g_.net().before_tanh(Var(z_plus)), it.data()));
  learn(tape, error, {&g_});
  shown_.reconstruction = error.value();
}

// θ by Adam on mean f(z⁻) − mean f(z⁺).
void Lebm::update_energy(Iteration& it, const Tensor& z_plus, const Tensor& z_minus) {
  it.phase("energy");
  Tape tape;
  const Var plus = mean((*f_)(Var(z_plus))), minus = mean((*f_)(Var(z_minus)));
  learn(tape, sub(minus, plus), {&*f_});
  shown_.f_plus = plus.value();
  shown_.f_minus = minus.value();
}

// Power iteration on JᵀJ, J = ∂g/∂z, at a few posterior samples: J·v from two images, Jᵀ·u from the tape. It goes on from
// the last iteration's directions, and what it finds is the largest slope or less.
void Lebm::watch_slope(const Tensor& z_plus) {
  const int64_t rows = direction_.extent(0), d = settings_.latent;
  const Tensor z = z_plus.view(0, {rows, d});
  Tensor lengths;
  for (int round = 0; round < kSlopeRounds; ++round) {
    Tensor ahead = z.clone();
    add_scaled(ahead, direction_, kSlopeDistance);
    Tensor u = g_(Var(ahead)).value();  // (rows, H, W, C)
    Tape tape;
    const Var at(z);
    const Var image = g_(at);
    add_scaled(u, image.value(), -1);
    scale_in_place(u, 1 / kSlopeDistance);                                  // J·v
    direction_.copy_from(tape.gradient(sum(mul(image, Var(u))), {at})[0]);  // Jᵀ·J·v
    lengths = normalise_rows(direction_);
  }
  shown_.slope = max_abs(lengths);
}

std::string Lebm::lowered(double slowed) const {
  const double rates = slowed / settings_.guard_lr_factor;
  return fmt::format("the posterior chain's step at {:.3g}{}", posterior_step(settings_, slowed),
                     rates < 1 ? fmt::format(", learning rates at {:.3g} of their settings", rates) : "");
}

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

// Where V(z|x) is low: posterior steps without noise, from z = 0. With the parameters as they are.
Tensor Lebm::infer(const Tensor& x) const {
  const int64_t n = x.extent(0);
  const double delta = settings_.posterior.step_size;
  Tensor z = Tensor::zeros({n, settings_.latent}, device_);
  langevin_chain(posterior(x), z, settings_.infer_steps,
                 same_step(n, static_cast<float>(0.5 * delta * delta), 0, device_), {});
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
      "U(x) = -log p(x, z) up to a constant = |x - g(z)|^2/(2 sigma^2) + |z|^2/2 - f(z) at the z that infer-steps find";
  const auto as_reported = [](const Potential& u) {
    return Potential([u](const Tensor& z) {
      const PrecisionScope mode(energy_precision());
      return u(z);
    });
  };
  a.posterior = [=, this](const Tensor& x) { return as_reported(posterior(x)); };
  if (!has_prior()) return a;
  a.potential = [=, this] { return as_reported(prior()); };
  a.start = [this](int64_t n, const RandomKey& key) { return start(n, key); };
  a.revise = [this](Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_step) {
    revise(z, key, options, first_step);
  };
  return a;
}

}  // namespace

void LebmSettings::describe(SettingVisitor& v) {
  Settings::describe(v);
  v.group("prior-", prior);
  v.group("posterior-", posterior);
  v("sample-steps", prior_sample_steps, "", "prior steps of samples, pictures and scores; 0: as in training",
    langevin_steps());
  v("infer-steps", infer_steps, "", "posterior steps without noise from z = 0, for a given image's z",
    langevin_steps());
  v("sigma", sigma, "σ", "standard deviation of x around g(z)", more_than_zero());
  v("energy-lr", energy_lr, "η_θ", "Adam's learning rate of the energy", learning_rate());
  v("generator-lr", generator_lr, "η_α", "Adam's learning rate of the generator", learning_rate());
  v("adam-beta1", adam_beta1, "β₁", "Adam's decay of the first moment", below_one());
  v("adam-beta2", adam_beta2, "β₂", "Adam's decay of the second moment", below_one());
  v("lr-tau", lr_tau, "", "learning rates are divided by 1 + iteration/lr-tau", more_than_zero());
  v("clip-norm", clip_norm, "", "largest gradient norm of a network; 0: no clipping", not_negative());
  v("ema-decay", ema_decay, "", "decay of the parameters' moving average, used for samples; 0: none", below_one(),
    Fixed::on_or_off);
  v("energy-width", energy_width, "", "units of the energy's two hidden layers", whole(1, 4096), Fixed::network);
  v("generator-width", generator_width, "", "channels of the generator's first layer", whole(1, 4096), Fixed::network);
  v("latent", latent, "d", "dimension of z", whole(1, 65536), Fixed::network);
}

int64_t LebmSettings::sample_steps() const {
  if (!can(method, Ability::chains)) return 0;
  return prior_sample_steps > 0 ? prior_sample_steps : prior.steps;
}

void LebmSettings::take_fact(const std::string& name, const std::string& text) {
  if (name == "network")
    network = text;
  else
    Settings::take_fact(name, text);
}

void lebm_shown(ShownVisitor& v) { LebmShown().describe(v, true); }
void abp_shown(ShownVisitor& v) { LebmShown().describe(v, false); }

std::unique_ptr<Method> make_lebm(const Settings& s, Parts& parts) {
  return std::make_unique<Lebm>(dynamic_cast<const LebmSettings&>(s), parts, true);
}
std::unique_ptr<Method> make_abp(const Settings& s, Parts& parts) {
  return std::make_unique<Lebm>(dynamic_cast<const LebmSettings&>(s), parts, false);
}

}  // namespace ebm
