// Variational MCMC teaching, Algorithm 1 (docs/method.md).
#include "autograd/ops.h"
#include "train/methods/teaching.h"

namespace ebm {
namespace {

struct EbmVae : Teaching {
  EbmVae(const TeachingSettings& settings, Parts& parts) : Teaching(settings, parts) {}

  void iterate(Iteration& it) override {
    it.phase("ancestral");
    Tape tape;                                             // of x̂, which 4. may walk back
    const Tensor z_hat = latent(it);                       // 1. ẑ ~ N(0, I_d)          (n, d)
    const Var x_hat = generator_(Var(z_hat));              //    x̂ = g_α(ẑ)            (n, H, W, C)
    const Tensor x_tilde = run_chains(it, x_hat.value());  // 2. x̃: l Langevin steps   (n, H, W, C)
    if (settings_.teach == "inferred")
      begin_vae_update(it, x_tilde, settings_.chains);  // 3. z̃ ~ π_β(z|x̃), 4. the gradient of (9)
    else
      begin_update_with_own(it, tape, x_tilde, z_hat, x_hat);
    begin_energy_update(it, x_tilde);                     // 5. the gradient of (7)
    end_updates(it, {&encoder_, &generator_, &energy_});  //    α, β and θ by Adam
  }

  // 3. and 4. where x̃'s own ẑ is used too, which Algorithm 1 forgets. It is x̃'s latent vector as far as the chain has
  // not left x̂: g learns what the chain changed at ẑ, without the detour of inference, and the pair (ẑ, x̃) tells the
  // encoder what to infer. What it then infers of the data is where g has to put them: that is "data".
  void begin_update_with_own(Iteration& it, Tape& tape, const Tensor& x_tilde, const Tensor& z_hat, const Var& x_hat) {
    it.phase("vae");
    const RandomKey dropout_key = it.key(Stream::dropout);
    const int64_t n = settings_.chains;
    const Posterior posterior = infer(it, x_tilde, n, dropout_key);
    const Var own = squared_error(x_hat, x_tilde, n), pair = mean(negative_log_density(posterior, z_hat), n);
    shown_.own_error = own.value();
    shown_.pair = pair.value();
    const auto weighed = [](const Var& term, double weight) { return scale(term, static_cast<float>(weight)); };
    const bool alone = settings_.teach == "own", of_data = settings_.teach == "data";
    Var loss = add(alone ? own : weighed(own, settings_.own_weight), weighed(pair, settings_.pair_weight));
    if (alone) {
      shown_.reconstruction = own.value();  // the only one that is computed, as CoopNets'
    } else {
      const Var inferred =
          of_data ? vae_loss(it, infer(it, it.data(), settings_.batch, dropout_key), it.data(), settings_.batch)
                  : vae_loss(it, posterior, x_tilde, n);
      loss = add(loss, weighed(inferred, settings_.inferred_weight));
    }
    begin_learning(tape, loss, {&encoder_, &generator_});
  }
};

}  // namespace

std::unique_ptr<Method> make_ebm_vae(const Settings& s, Parts& parts) {
  return std::make_unique<EbmVae>(dynamic_cast<const TeachingSettings&>(s), parts);
}

}  // namespace ebm
