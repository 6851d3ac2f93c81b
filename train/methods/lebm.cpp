#include "train/methods/lebm.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"

namespace ebm {
namespace {

constexpr Stream kPosteriorChain{64}, kPriorStart{65};

constexpr int64_t kSlopeRows = 8;        // posterior samples whose slope ‖∂g/∂z‖ is estimated,
constexpr int kSlopeRounds = 2;          // by so many rounds of power iteration an iteration
constexpr float kSlopeDistance = 0.05f;  // of two z whose images are compared
constexpr double kMostZ = 30;            // |z| of a chain that has blown up: N(0, 1) reaches 6

OptimiserSettings optimiser(const LebmSettings& s, double lr) {
  return {.lr = [s, lr](int64_t iteration) { return lr / (1 + static_cast<double>(iteration) / s.lr_tau); },
          .beta1 = s.adam_beta1,
          .beta2 = s.adam_beta2,
          .clip_norm = s.clip_norm,
          .ema_decay = s.ema_decay,
          // a blow-up comes from the posterior chain's step: the first return halves that, later ones the rates
          .slow = [s](double slowed) { return slowed < 1 ? std::min(1.0, slowed / s.guard_lr_factor) : 1.0; }};
}

Var half_square(const Var& z) { return scale(sum_rows(square(z)), 0.5f); }  // ‖z‖²/2, (N)

}  // namespace

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

Lebm::Lebm(const LebmSettings& s, Parts& parts, bool has_prior)
    : settings_(s),
      device_(parts.device()),
      use_graph_(parts.use_graph()),
      g_(parts, "generator", "generator", optimiser(s, s.generator_lr),
         {networks(s).generator, parts.device(), s.seed}),
      drift_(parts.number([s](int64_t, double slowed) { return 0.5 * std::pow(posterior_step(s, slowed), 2); })),
      noise_(parts.number([s](int64_t, double slowed) { return posterior_step(s, slowed); })),
      image_(g_.net().image()) {
  if (has_prior)
    f_.emplace(parts, "energy", "energy", optimiser(s, s.energy_lr),
               Sequence(networks(s).energy, parts.device(), s.seed));
  Tensor direction = Tensor::empty({kSlopeRows, s.latent}, device_);
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
  const Shape latent{s.batch, s.latent};  // of all ranks; below n is this one's share of the batch
  const Share own = it.share(s.batch);

  it.phase("posterior");
  Tensor z_plus = it.normal(Stream::latent, latent);  // z⁺ ~ N(0, I), then the chain on V(z|x)  (n, d)
  const LangevinRows step{expand(drift_.var().value(), {own.count}, 1), expand(noise_.var().value(), {own.count}, 1)};
  PotentialValue last;
  langevin_chain(posterior(it.data()), z_plus, s.posterior.steps, step, it.key(kPosteriorChain), own.first, 0, &last);
  if (last.gradient.defined()) shown_.squared_gradient = sum_squares(last.gradient);
  shown_.step_size = noise_.var().value();
  shown_.sum_plus = sum(z_plus);
  shown_.squared_plus = sum_squares(z_plus);
  shown_.most_plus = max_abs(z_plus);
  watch_slope(gather_rows(z_plus, s.batch));  // the same directions on all ranks

  Tensor z_minus;
  if (has_prior()) {
    it.phase("prior");
    z_minus = it.normal(kPriorStart, latent);  // z⁻ ~ N(0, I), then the chain on U(z)  (n, d)
    langevin_chain(prior(), z_minus, s.prior.steps, prior_step(own.count, 1), it.key(Stream::langevin), own.first);
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
  const Var error = mean(tanh_error(g_.net().before_tanh(Var(z_plus)), it.data()), settings_.batch);
  learn(tape, error, {&g_});
  shown_.reconstruction = error.value();
}

// θ by Adam on mean f(z⁻) − mean f(z⁺).
void Lebm::update_energy(Iteration& it, const Tensor& z_plus, const Tensor& z_minus) {
  it.phase("energy");
  Tape tape;
  const Var plus = mean((*f_)(Var(z_plus)), settings_.batch), minus = mean((*f_)(Var(z_minus)), settings_.batch);
  learn(tape, sub(minus, plus), {&*f_});
  shown_.f_plus = plus.value();
  shown_.f_minus = minus.value();
}

// Power iteration on JᵀJ, J = ∂g/∂z, at a few posterior samples: J·v from two images, Jᵀ·u from the tape. It goes on from
// the last iteration's directions, and what it finds is the largest slope or less.
void Lebm::watch_slope(const Tensor& z_plus) {
  const int64_t rows = std::min(kSlopeRows, z_plus.extent(0)), d = settings_.latent;
  const Tensor z = z_plus.view(0, {rows, d});
  Tensor direction = direction_.view(0, {rows, d});
  Tensor lengths;
  for (int round = 0; round < kSlopeRounds; ++round) {
    Tensor ahead = z.clone();
    add_scaled(ahead, direction, kSlopeDistance);
    Tensor u = g_(Var(ahead)).value();  // (rows, H, W, C)
    Tape tape;
    const Var at(z);
    const Var image = g_(at);
    add_scaled(u, image.value(), -1);
    scale_in_place(u, 1 / kSlopeDistance);                                 // J·v
    direction.copy_from(tape.gradient(sum(mul(image, Var(u))), {at})[0]);  // Jᵀ·J·v
    lengths = normalise_rows(direction);
  }
  shown_.slope = max_abs(lengths);
}

std::string Lebm::lowered(double slowed) const {
  const double rates = std::min(1.0, slowed / settings_.guard_lr_factor);
  return fmt::format("the posterior chain's step at {:.3g}{}", posterior_step(settings_, slowed),
                     rates < 1 ? fmt::format(", learning rates at {:.3g} of their settings", rates) : "");
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
