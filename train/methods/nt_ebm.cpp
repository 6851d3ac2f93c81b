#include "train/methods/nt_ebm.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "core/communicator.h"
#include "kernels/chain/leapfrog.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"

namespace ebm {
namespace {

constexpr float kAdaptation = 0.01f;  // what the step size changes by

OptimiserSettings flow_optimiser(const NtEbmSettings& s) {
  return {.lr =
              [s](int64_t iteration) {
                const double warm = s.flow_warmup > 0 ? static_cast<double>(iteration + 1) / s.flow_warmup : 1;
                return s.flow_lr * std::min(1.0, warm);
              },
          .beta1 = s.adam_beta1,
          .beta2 = s.adam_beta2,
          .clip_norm = s.flow_clip_norm,
          .ema_decay = s.ema_decay};
}

OptimiserSettings energy_optimiser(const NtEbmSettings& s) {
  return {.lr = [s](int64_t) { return s.energy_lr; },
          .beta1 = s.adam_beta1,
          .beta2 = s.adam_beta2,
          .ema_decay = s.ema_decay,
          .weight_decay = s.energy_decay,
          .slow = [](double slowed) { return slowed; }};
}

// f begins at 0, where p = q.
EnergyNet flat_energy(const NetworkConfig& config, Device device, uint64_t seed) {
  EnergyNet net(config, device, seed);
  for (size_t i = 0; i < net.parameters().entries().size(); ++i) {
    const Parameters::Entry& entry = net.parameters().entries()[i];
    if (entry.name.starts_with("head."))
      net.parameters().set(i, std::vector<float>(static_cast<size_t>(entry.shape.size())));
  }
  return net;
}

}  // namespace

void NtEbmShown::describe(ShownVisitor& v) {
  v.quantity(squared_z);
  v("log_density", "flow/log_density", log_density,
    {.chart = "Flow", .line = "log q(x)", .about = "nats, of images with noise of a grey level"});
  v.column(
      "flow_bits", "flow/bits_per_dimension",
      [this] { return level_bits - log_density.value() / (static_cast<float>(dimension) * std::log(2.0f)); },
      {.progress = "flow {:.3f} bits/dim", .chart = "Bits per dimension", .line = "flow", .about = "lower is better"});
  constexpr char kF[] = "f on data and samples";
  v("f_data", "energy/f_data", f_data, {.chart = kF, .line = "data", .about = "high = more plausible than the flow"});
  v("f_samples", "energy/f_samples", f_samples, {.chart = kF, .line = "samples"});
  v.column("energy_gap", "energy/gap", [this] { return f_data.value() - f_samples.value(); },
           {.progress = "energy gap {:+.3g}",
            .judged = Judged::gap,
            .chart = "Energy gap",
            .line = "gap",
            .about = "mean f(x) − mean f(x̃): near 0 while the chains keep up"});
  v("energy_loss", "energy/loss", energy_loss, {.chart = "Loss of the tilt", .line = "loss"});
  constexpr char kMoves[] = "Moves of Hamiltonian Monte Carlo";
  v("acceptance", "hmc/acceptance", acceptance,
    {.progress = "accepted {:.2f}", .chart = kMoves, .line = "accepted", .about = "the step size follows it"});
  v("step_size", "hmc/step_size", step_size, {.chart = kMoves, .line = "ε"});
  v.column("z_deviation", "hmc/z_deviation", [this] { return std::sqrt(squared_z.value() / values); },
           {.chart = "Deviation of z", .line = "chains", .about = "1 while the tilt is small"});
}

NtEbm::NtEbm(const NtEbmSettings& s, Parts& parts)
    : settings_(s),
      device_(parts.device()),
      flow_(parts, "flow", "flow", flow_optimiser(s), Flow(networks(s).flow, parts.device(), s.seed)),
      f_(parts, "energy", "energy", energy_optimiser(s), flat_energy(networks(s).energy, parts.device(), s.seed)),
      image_(f_.net().image()),
      dimension_(image_.elements()),
      step_size_(parts.buffer("step_size", full({1}, static_cast<float>(s.chain.step_size), parts.device()))) {
  if (s.chain_start == "persistent") {
    Tensor z = Tensor::empty({s.chains, dimension_}, parts.device());
    fill_normal(z, {s.seed, Stream::start}, 0, 1.0f);
    chains_ = parts.buffer("chains", z);
  }
  shown_.dimension = dimension_;
  if (s.of_points()) shown_.level_bits = 0;
  shown_.values = static_cast<float>(s.chains * dimension_);
}

std::vector<BatchPart> NtEbm::batch() const {
  return {{"x", {settings_.batch, image_.height, image_.width, image_.channels}}};
}

int NtEbm::stage(int64_t iteration) const {
  if (iteration == 0) return begin_flow;
  if (iteration < settings_.flow_iterations) return learn_flow;
  return iteration < settings_.flow_iterations + settings_.nce_iterations ? contrast : tilt;
}

void NtEbm::iterate(Iteration& it) {
  it.phase("flow");
  const Tensor x = data(it);
  if (it.stage() == begin_flow) {
    flow_.net().initialise(gather_rows(x, settings_.batch));  // the same on all ranks
    if (flow_.adam().has_average()) flow_.adam().average().copy_from(flow_.parameters().flat());
  }
  if (it.stage() == begin_flow || it.stage() == learn_flow)
    update_flow(x);
  else
    update_tilt(it, x);
}

Tensor NtEbm::data(Iteration& it) const {
  if (settings_.of_points()) return it.data();
  const Shape whole{settings_.batch, image_.height, image_.width, image_.channels};
  Tensor x = it.uniform(Stream::data_noise, whole, 0, kLevel);
  dequantise(x, it.data());
  return x;
}

void dequantise(Tensor& noise, const Tensor& x) {
  add_scaled(noise, x, 1 - kLevel / 2);  // [-1, 1] shrunk to make room for the last level's noise
  add_scaled(noise, full(x.shape(), -1, x.device()), kLevel / 2);
}

// α by Adam on −mean log q(x).
void NtEbm::update_flow(const Tensor& x) {
  Tape tape;
  const Var log_q = mean(flow_.net().log_density(Var(x)), settings_.batch);
  shown_.log_density = log_q.value();
  // per value, so that gradient norms mean the same at each size
  learn(tape, scale(log_q, -1.0f / static_cast<float>(dimension_)), {&flow_});
  shown_.step_size = step_size_;
}

// Chains on U(z), and ε by how often their moves are accepted.
Tensor NtEbm::run_chains(Iteration& it) {
  const NtEbmSettings& s = settings_;
  const Share own = it.share(s.chains);
  Tensor z = chains_.defined() ? chains_.view(own.first * dimension_, {own.count, dimension_}).clone()
                               : it.normal(Stream::latent, {s.chains, dimension_});  // z ~ N(0, I)  (n, D)
  const Tensor accepted =
      hmc_chain(latent_potential(), z, s.chain.moves, step(), it.key(Stream::langevin), 0, own.first);  // (n)
  if (chains_.defined()) chains_.copy_from(gather_rows(z, s.chains));
  if (s.chain.adjusted())
    adapt_step(step_size_, mean(Var(gather_rows(accepted, s.chains))).value(),
               static_cast<float>(s.chain.target_acceptance), kAdaptation);
  shown_.acceptance = mean(Var(accepted), s.chains).value();
  return z;
}

// θ by Adam on mean f(x̃) − mean f(x), or on −mean log σ(f(x)) − mean log σ(−f(x̃)) where x̃ is the flow's,
// + c·(mean f(x)² + mean f(x̃)²).
void NtEbm::update_tilt(Iteration& it, const Tensor& x) {
  const NtEbmSettings& s = settings_;
  const bool of_flow = it.stage() == contrast;
  it.phase("hmc");
  const Tensor z = of_flow ? it.normal(Stream::latent, {s.chains, dimension_}) : run_chains(it);  // (n, D)
  const Tensor x_tilde = g().decode(Var(z)).value();                                              // (n, H, W, C)

  it.phase("energy");
  Tape tape;
  const Var f_data = f_(Var(x)), f_samples = f_(Var(x_tilde));  // (n)
  const Var on_data = mean(f_data, s.batch), on_samples = mean(f_samples, s.chains);
  const Var gap = of_flow ? add(mean(softplus(scale(f_data, -1)), s.batch), mean(softplus(f_samples), s.chains))
                          : sub(on_samples, on_data);
  const Var penalty = add(mean(square(f_data), s.batch), mean(square(f_samples), s.chains));
  const Var loss = add(gap, scale(penalty, static_cast<float>(s.energy_l2)));
  learn(tape, loss, {&f_});
  shown_.f_data = on_data.value();
  shown_.f_samples = on_samples.value();
  shown_.energy_loss = loss.value();
  shown_.step_size = step_size_;
  shown_.squared_z = sum_squares(z);
}

// The flow has learned: Adam of the tilt counts its steps from here on. A run that went back comes here again.
void NtEbm::between(int64_t iteration) {
  if (iteration + 1 != settings_.flow_iterations) return;
  f_.adam().set_steps(0);
  const UseAverages averages({&flow_});
  if (frozen_) frozen_->update();
}

const Flow::Frozen& NtEbm::g() {
  if (!frozen_) {
    const UseAverages averages({&flow_});
    frozen_ = std::make_unique<Flow::Frozen>(flow_.net());
  }
  return *frozen_;
}

HmcStep NtEbm::step() const {
  const LatentMoves& c = settings_.chain;
  return {.leapfrog_steps = c.adjusted() ? c.leapfrog_steps : 1,
          .adapting = Scalar(step_size_.data()),
          .independent_every = c.independent_every,
          .adjusted = c.adjusted()};
}

Potential NtEbm::latent_potential() {
  const Flow::Frozen& flow = g();
  return potential([this, &flow](const Var& z) {
    return sub(scale(sum_rows(square(z)), 0.5f), f_(flow.decode(z)));  // (N)
  });
}

std::string NtEbm::lowered(double slowed) const {
  return fmt::format("the tilt's learning rate at {:.3g} of its setting", slowed);
}

void nt_ebm_shown(ShownVisitor& v) { NtEbmShown().describe(v); }

std::unique_ptr<Method> make_nt_ebm(const Settings& s, Parts& parts) {
  return std::make_unique<NtEbm>(dynamic_cast<const NtEbmSettings&>(s), parts);
}

}  // namespace ebm
