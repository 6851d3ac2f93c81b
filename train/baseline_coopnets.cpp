// Cooperative networks (Xie et al. 2018): the chains begin at the generator's samples, as in Algorithm 1, and the
// generator learns their ends for the very latent vectors that they began with. There is no inference.
#include "autograd/ops.h"
#include "train/trainer.h"

namespace ebm {

void Trainer::coopnets(Shown& shown) {
  timer_.begin(kAncestral);
  const Tensor z_hat = latent();                        // ẑ ~ N(0, I_d)          (n, d)
  const Tensor x_hat = generator_(Var(z_hat)).value();  // x̂ = g_α(ẑ)            (n, H, W, C)
  const Tensor x_tilde = run_chains(x_hat, shown);      // x̃: l Langevin steps   (n, H, W, C)
  update_energy(x_tilde, shown);

  // α by Adam on mean ‖x̃ − g_α(ẑ)‖²; a factor 1/(2σ²) would not change Adam's step
  timer_.begin(kVaeUpdate);
  Tape tape;
  const Var loss = mean(sum_rows(square(sub(generator_(Var(z_hat)), Var(x_tilde)))));
  shown[kSquaredGradGenerator] = generator_adam_.step(tape.gradient(loss, generator_.parameters().vars()));
  shown[kReconstruction] = loss.value();
}

}  // namespace ebm
