// Cooperative networks (Xie et al. 2018): the chains begin at the generator's samples, as in Algorithm 1, and the
// generator learns their ends for the very latent vectors that they began with. There is no inference.
#include "train/methods/teaching.h"

namespace ebm {
namespace {

struct CoopNets : Teaching {
  CoopNets(const TeachingSettings& settings, Parts& parts) : Teaching(settings, parts) {}

  void iterate(Iteration& it) override {
    it.phase("ancestral");
    Tape tape;
    const Tensor z_hat = latent(it);                       // ẑ ~ N(0, I_d)          (n, d)
    const Var x_hat = generator_(Var(z_hat));              // x̂ = g_α(ẑ)            (n, H, W, C)
    const Tensor x_tilde = run_chains(it, x_hat.value());  // x̃: l Langevin steps   (n, H, W, C)

    // α by Adam on mean ‖x̃ − g_α(ẑ)‖²; a factor 1/(2σ²) would not change Adam's step
    it.phase("vae");
    const Var loss = squared_error(x_hat, x_tilde, settings_.chains);
    begin_learning(tape, loss, {&generator_});
    shown_.reconstruction = loss.value();

    begin_energy_update(it, x_tilde);
    end_updates(it, {&generator_, &energy_});
  }
};

}  // namespace

std::unique_ptr<Method> make_coopnets(const Settings& s, Parts& parts) {
  return std::make_unique<CoopNets>(dynamic_cast<const TeachingSettings&>(s), parts);
}

}  // namespace ebm
