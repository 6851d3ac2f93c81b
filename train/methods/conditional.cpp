#include "train/methods/conditional.h"

#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "train/chains/langevin.h"

namespace ebm {
namespace {

constexpr Stream kTarget{64};  // e of the posterior of the true image

// Variational MCMC teaching (docs/method.md) with c.
struct ConditionalEbmVae : Conditional {
  ConditionalEbmVae(const ConditionalSettings& settings, Parts& parts) : Conditional(settings, parts) {}

  enum Stage { inferred, own };
  int stage(int64_t iteration) const override { return iteration % settings_.infer_every == 0 ? inferred : own; }

  void iterate(Iteration& it) override {
    it.phase("ancestral");
    Tape tape;
    const UNet& g = generator_.net();
    const UNet::Maps c = g.down(Var(it.data("c")));        //    what g_α reads of c, once for all z
    const Tensor z_hat = latent(it);                       // 1. ẑ ~ N(0, I_d)                 (n, d)
    const Var x_hat = g.up(c, Var(z_hat));                 //    x̂ = g_α(c, ẑ)                (n, H, W, C)
    const Tensor x_tilde = run_chains(it, x_hat.value());  // 2. x̃: l Langevin steps          (n, H, W, C)
    it.phase("vae");
    Var loss;
    if (it.stage() == own) {
      loss = squared_error(x_hat, x_tilde);  //    mean ‖x̃ − g_α(c, ẑ)‖²
      shown_.reconstruction = loss.value();
    } else {
      const Inferred of_chain = infer(it, x_tilde, Stream::posterior);  // 3. z̃ ~ π_β(z|x̃, c)
      const Var reconstruction = squared_error(g.up(c, of_chain.z), x_tilde);
      shown_.reconstruction = reconstruction.value();
      loss = add(reconstruction, kl_term(of_chain.posterior));  // 4. mean ‖x̃ − g_α(c, z̃)‖² + γ·KL
    }
    if (settings_.target_weight > 0) loss = add(loss, target(it, c, x_hat));
    if (it.stage() == own && settings_.target_z != "posterior") {
      begin_learning(tape, loss, {&generator_});
      begin_energy_update(it, x_tilde);
      return end_updates(it, {&generator_, &energy_});
    }
    begin_learning(tape, loss, {&encoder_, &generator_});
    begin_energy_update(it, x_tilde);  // 5. mean U(x, c) − mean U(x̃, c)
    end_updates(it, {&encoder_, &generator_, &energy_});
  }

  // What the true image says, which the chains only pass on as far as the energy knows it.
  Var target(Iteration& it, const UNet::Maps& c, const Var& x_hat) {
    const Tensor& x = it.data("x");
    const auto weighed = [&](const Var& term) { return scale(term, static_cast<float>(settings_.target_weight)); };
    if (settings_.target_z == "prior") {
      const Var error = absolute_error(x_hat, x);
      shown_.target = error.value();
      return weighed(error);
    }
    const Inferred of_data = infer(it, x, kTarget);
    const UNet& g = generator_.net();
    const Var predicted = absolute_error(g.up(c, Var(Tensor::zeros(of_data.z.shape(), device_))), x);
    shown_.target = predicted.value();
    return add(weighed(add(absolute_error(g.up(c, of_data.z), x), predicted)), kl_term(of_data.posterior));
  }
};

// The generator learns what the chain made of its own sample; nothing is inferred.
struct ConditionalCoopNets : Conditional {
  ConditionalCoopNets(const ConditionalSettings& settings, Parts& parts) : Conditional(settings, parts) {}

  void iterate(Iteration& it) override {
    it.phase("ancestral");
    Tape tape;
    const Var x_hat = generator_(Var(it.data("c")), Var(latent(it)));  // (n, H, W, C)
    const Tensor x_tilde = run_chains(it, x_hat.value());              // (n, H, W, C)
    it.phase("vae");
    const Var error = squared_error(x_hat, x_tilde), target = absolute_error(x_hat, it.data("x"));
    shown_.reconstruction = error.value();
    shown_.target = target.value();
    begin_learning(tape, add(error, scale(target, static_cast<float>(settings_.target_weight))), {&generator_});
    begin_energy_update(it, x_tilde);
    end_updates(it, {&generator_, &energy_});
  }
};

// Generator and encoder on the true images alone.
struct ConditionalVae : Conditional {
  ConditionalVae(const ConditionalSettings& settings, Parts& parts) : Conditional(settings, parts) {}

  void iterate(Iteration& it) override {
    it.phase("vae");
    Tape tape;
    const Tensor& x = it.data("x");
    const Inferred inferred = infer(it, x, Stream::posterior);
    const Var error = absolute_error(generator_(Var(it.data("c")), inferred.z), x);
    shown_.target = error.value();
    begin_learning(tape, add(error, kl_term(inferred.posterior)), {&encoder_, &generator_});
    end_updates(it, {&encoder_, &generator_});
  }
};

// The U-Net alone, without z: the median of what may stand in the hole.
struct Regression : Conditional {
  Regression(const ConditionalSettings& settings, Parts& parts) : Conditional(settings, parts) {}

  void iterate(Iteration& it) override {
    it.phase("vae");
    Tape tape;
    const Tensor& x = it.data("x");
    const Var error = absolute_error(generator_(Var(it.data("c")), Var()), x);
    shown_.target = error.value();
    begin_learning(tape, error, {&generator_});
    end_updates(it, {&generator_});
  }
};

template <class M>
std::unique_ptr<Method> make(const Settings& s, Parts& parts) {
  return std::make_unique<M>(dynamic_cast<const ConditionalSettings&>(s), parts);
}

}  // namespace

Conditional::Conditional(const ConditionalSettings& s, Parts& parts)
    : settings_(s),
      device_(parts.device()),
      energy_(parts, "energy", "energy", energy_optimiser(s), {networks(s).energy, parts.device(), s.seed}),
      encoder_(parts, "encoder", "vae", optimiser(s, s.vae_lr), {networks(s).encoder, parts.device(), s.seed}),
      generator_(parts, "generator", "vae", optimiser(s, s.vae_lr), {networks(s).generator, parts.device(), s.seed}),
      kl_weight_(parts.number([s](int64_t iteration) { return s.kl_scale() * kl_weight(s, iteration); })),
      image_noise_(parts.number([s](int64_t iteration) { return image_noise(s, iteration); })),
      step_(langevin_step_of(s.chain)) {
  shown_.step = step_;
  shown_.batch = shown_.chains = static_cast<float>(s.batch);
  shown_.pixels = s.image().elements();
}

std::vector<BatchPart> Conditional::batch() const {
  const ImageShape image = settings_.image();
  return {{"x", {settings_.batch, image.height, image.width, image.channels}},
          {"c", {settings_.batch, image.height, image.width, settings_.condition()}}};
}

void ConditionalShown::describe(ShownVisitor& v) {
  TeachingShown::describe(v, false);
  v("target", "vae/target", target,
    {.progress = "target {:.4g}",
     .chart = "Distance to the true image",
     .line = "Σ|x − g(c,z)|",
     .about = "mean Σ|x − g(c,z)| over images, the known part included"});
}

Tensor Conditional::latent(Iteration& it) const {
  return it.normal(Stream::latent, {settings_.batch, settings_.latent});
}

Tensor Conditional::run_chains(Iteration& it, const Tensor& x_hat) {
  it.phase("langevin");
  Tensor x_tilde = x_hat.clone();  // (n, H, W, C)
  langevin_chain(energy_.net(), x_tilde, settings_.chain.steps, step_, it.key(Stream::langevin),
                 it.share(settings_.batch).first, 0, shown_.squared_grad_x.slot(), it.data("c"));
  shown_.squared_revision = squared_distance(x_tilde, x_hat);
  return x_tilde;
}

void Conditional::begin_energy_update(Iteration& it, const Tensor& x_tilde) {
  it.phase("energy");
  const Scalar blur = image_noise_.scalar();
  const int64_t first = it.share(settings_.batch).first;
  const bool blurred = settings_.image_noise > 0 || settings_.image_noise_end > 0;
  Tensor x = it.data("x"), y = x_tilde;  // (n, H, W, C)
  if (blurred) {
    x = with_noise(x, blur, it.key(Stream::data_noise), first);
    y = with_noise(y, blur, it.key(Stream::sample_noise), first);
  }
  Tape tape;
  const EnergyNet& f = energy_.net();
  const Var biases = f.biases(Var(it.data("c")));  // of both: they have the same conditions
  const Var f_data = f.given(Var(x), biases), f_samples = f.given(Var(y), biases);  // (n)
  begin_learning(tape, energy_loss(settings_, f_data, f_samples, settings_.batch, shown_), {&energy_});
  shown_.squared_data = sum_squares(x);
  shown_.squared_samples = sum_squares(y);
}

Conditional::Inferred Conditional::infer(Iteration& it, const Tensor& x, Stream stream) {
  const Posterior posterior = encoder_(Var(x), Var(it.data("c")));
  return {posterior, reparameterise(posterior, it.normal(stream, {settings_.batch, settings_.latent}))};
}

Var Conditional::squared_error(const Var& g, const Tensor& x) const {
  return mean(sum_rows(square(sub(g, Var(x)))), settings_.batch);
}

Var Conditional::absolute_error(const Var& g, const Tensor& x) const {
  return mean(sum_rows(abs(sub(g, Var(x)))), settings_.batch);
}

Var Conditional::kl_term(const Posterior& posterior) {
  const Var kl = mean(kl_to_standard_normal(posterior), settings_.batch);
  shown_.kl = kl.value();
  return mul(kl, kl_weight_.var());
}

Abilities Conditional::abilities() {
  Abilities a;
  a.image = settings_.image();
  a.usual = {settings_.sample_steps(), 0.0};  // prediction: without noise
  a.chain = settings_.chain;
  a.latent = settings_.generator_latent();
  a.complete = [this](const Tensor& c, const Tensor& z, const RandomKey& key, const SampleOptions& options) {
    return complete(c, z, key, options);
  };
  a.sample = [this](int64_t n, const RandomKey& key, const SampleOptions& options) { return sample(n, key, options); };
  a.show = [this](std::span<const Tensor> batch) { shown_x_ = batch[0].clone(), shown_c_ = batch[1].clone(); };
  return a;
}

Samples Conditional::complete(const Tensor& c, const Tensor& z, const RandomKey& key, const SampleOptions& options) {
  const UseAverages averages({&generator_, &energy_});
  const Tensor generated = generator_(Var(c), z.defined() ? Var(z) : Var()).value();  // (n, H, W, C)
  Tensor revised = generated.clone();
  RandomKey chain_key = key;
  chain_key.stream = Stream::langevin;
  if (options.steps > 0)
    langevin_chain(energy_.net(), revised, options.steps, langevin_step_of(settings_.chain, options.noise_scale),
                   chain_key, 0, 0, nullptr, c);
  const int64_t window = settings_.revision_window;
  if (window > 1 && options.steps > 0) {  // what single pixels gain is more the network's strides than the photo's
    const auto edge = static_cast<int>(window);
    const ConvGeometry same(1, {edge / 2, (edge - 1) / 2});
    revised = add(Var(generated), average_pool2d(sub(Var(revised), Var(generated)), edge, same)).value();
  }
  return {{{"generated", generated}, {"revised", revised}}};
}

// Predictions, z = 0, of the images that are shown, again and again where n is more.
Samples Conditional::sample(int64_t n, const RandomKey& key, const SampleOptions& options) {
  const ImageShape image = settings_.image();
  const auto rows_of = [&](const Tensor& from, int64_t channels) {
    Tensor rows = Tensor::zeros({n, image.height, image.width, channels}, device_);
    for (int64_t i = 0; from.defined() && i < n; ++i) {
      const Shape one{1, image.height, image.width, channels};
      rows.view(i * one.size(), one).copy_from(from.view(i % from.extent(0) * one.size(), one));
    }
    return rows;
  };
  const Tensor c = rows_of(shown_c_, settings_.condition());
  const int64_t d = settings_.generator_latent();
  Samples samples = complete(c, d > 0 ? Tensor::zeros({n, d}, device_) : Tensor(), key, options);
  samples.stages.insert(samples.stages.begin(), {"known", slice_channels(Var(c), 0, image.channels).value()});
  if (shown_x_.defined()) samples.stages.push_back({"true", rows_of(shown_x_, image.channels)});
  return samples;
}

std::unique_ptr<Method> make_conditional(const Settings& s, Parts& parts) { return make<ConditionalEbmVae>(s, parts); }
std::unique_ptr<Method> make_conditional_coopnets(const Settings& s, Parts& parts) {
  return make<ConditionalCoopNets>(s, parts);
}
std::unique_ptr<Method> make_conditional_vae(const Settings& s, Parts& parts) { return make<ConditionalVae>(s, parts); }
std::unique_ptr<Method> make_regression(const Settings& s, Parts& parts) { return make<Regression>(s, parts); }

}  // namespace ebm
