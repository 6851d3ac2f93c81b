#include "train/methods/teaching_parts.h"

#include <cmath>

#include <fmt/format.h>

#include "autograd/ops.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"

namespace ebm {

std::string TaughtByChains::lowered(double slowed) const {
  return fmt::format("the energy's learning rate at {:.3g} of its setting", slowed);
}

void TaughtByChains::end_updates(Iteration& it, std::initializer_list<LearnerBase*> learners) {
  it.phase("adam");
  end_learning(learners);
}

OptimiserSettings optimiser(const TeachingSettings& s, double lr) {
  return {.lr = [s, lr](int64_t iteration) { return lr * lr_factor(s, iteration); },
          .beta1 = s.adam_beta1,
          .beta2 = s.adam_beta2,
          .clip_norm = s.clip_norm,
          .ema_decay = s.ema_decay};
}

OptimiserSettings energy_optimiser(const TeachingSettings& s) {
  OptimiserSettings o = optimiser(s, s.energy_lr);
  o.weight_decay = s.energy_decay;
  o.slow = [](double slowed) { return slowed; };
  return o;
}

Tensor with_noise(const Tensor& x, Scalar stddev, const RandomKey& key, int64_t first_row) {
  Tensor y = Tensor::empty(x.shape(), x.device());
  fill_normal(y, key, 0.0f, stddev, static_cast<uint64_t>(first_row * (x.size() / x.extent(0))));
  add_scaled(y, x, 1.0f);
  return y;
}

Tensor squared_distance(const Tensor& a, const Tensor& b) { return sum_squares(binary(Binary::sub, a, b)); }

Var energy_loss(const TeachingSettings& s, const Var& f_data, const Var& f_samples, int64_t chains,
                TeachingShown& shown) {
  const Var penalty = add(mean(square(f_data), s.batch), mean(square(f_samples), chains));
  const Var mean_data = mean(f_data, s.batch), mean_samples = mean(f_samples, chains);  // (1)
  const Var loss = add(sub(mean_samples, mean_data), scale(penalty, static_cast<float>(s.energy_l2)));
  shown.f_data = mean_data.value();
  shown.f_samples = mean_samples.value();
  shown.energy_loss = loss.value();
  return loss;
}

void TeachingShown::describe(ShownVisitor& v, bool has_own) {
  v.quantity(squared_data);
  v.quantity(squared_samples);
  v.quantity(squared_grad_x);
  v.quantity(squared_revision);
  const auto u = [this](const Quantity& squared, const Quantity& f, float n) {
    return 0.5f * step.inv_sigma_ref_sq * squared.value() / n - f.value();  // mean U
  };
  constexpr char kU[] = "U on data and samples", kF[] = "f on data and samples", kStep[] = "Drift against noise";
  v.column("u_data", "energy/u_data", [=, this] { return u(squared_data, f_data, batch); },
           {.chart = kU, .line = "data", .about = "low = plausible"});
  v.column("u_samples", "energy/u_samples", [=, this] { return u(squared_samples, f_samples, chains); },
           {.chart = kU, .line = "revised samples"});
  v("f_data", "energy/f_data", f_data,
    {.chart = kF, .line = "data", .about = "high = plausible; both with the image noise of the energy's loss"});
  v("f_samples", "energy/f_samples", f_samples, {.chart = kF, .line = "revised samples"});
  v.column("energy_gap", "energy/gap", [this] { return f_data.value() - f_samples.value(); },
           {.progress = "energy gap {:+.3g}",
            .judged = Judged::gap,
            .chart = "Energy gap",
            .line = "gap",
            .about = "mean f(data) − mean f(revised samples): near 0 while the networks keep up with each other"});
  v("energy_loss", "energy/loss", energy_loss,
    {.chart = "Energy loss", .line = "loss", .about = "mean f(x̃) − mean f(x) with its penalty"});
  v("reconstruction", "vae/reconstruction", reconstruction,
    {.progress = "reconstruction {:.4g}",
     .chart = "Reconstruction",
     .line = "‖x̃ − g(z̃)‖²",
     .about = "mean ‖x̃ − g(z̃)‖² of revised samples, of data with teach = data and in a VAE"});
  v("kl", "vae/kl", kl,
    {.chart = "KL", .line = "KL", .about = "mean KL( π(z|x̃) ‖ N(0, I) ) of the same images, in nats"});
  if (has_own) {
    v("own_error", "vae/own_error", own_error,
      {.chart = "Reconstruction",
       .line = "‖x̃ − g(ẑ)‖²",
       .about = "mean ‖x̃ − g(z̃)‖² of revised samples (teach = data: of data), and ‖x̃ − g(ẑ)‖² of revised samples at "
                "the ẑ that their chains began with, where that teaches"});
    v("pair", "vae/pair", pair,
      {.chart = "Inference of ẑ",
       .line = "−log π(ẑ|x̃)",
       .about = "the encoder on pairs that are known; without its constant"});
  }
  const auto grad_x = [this] { return std::sqrt(squared_grad_x.value() / chains); };
  v.column("grad_x", "langevin/grad_x", grad_x,
           {.chart = "Gradient of the energy",
            .line = "‖∂U/∂x‖",
            .about = "‖∂U/∂x‖ at the last Langevin step, root mean square"});
  v.column("drift", "langevin/drift", [=, this] { return step.drift * grad_x(); },
           {.chart = kStep, .line = "drift (δ²/2)·‖∂U/∂x‖", .about = "size of the two parts of a Langevin step"});
  v.column("noise", "langevin/noise", [this] { return step.noise * std::sqrt(static_cast<float>(pixels)); },
           {.chart = kStep, .line = "noise δ·√D"});
  v.column("revision", "langevin/revision", [this] { return std::sqrt(squared_revision.value() / chains); },
           {.judged = Judged::move,
            .dimensions = pixels,
            .chart = "Revision",
            .line = "‖x̃ − x̂‖",
            .about = "‖x̃ − x̂‖: how far Langevin moves an image from where its chain began"});
}

}  // namespace ebm
