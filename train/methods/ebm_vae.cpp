// Variational MCMC teaching, Algorithm 1 (docs/method.md).
#include "autograd/ops.h"
#include "train/methods/teaching.h"

namespace ebm {
namespace {

struct EbmVae : Teaching {
  EbmVae(const TeachingSettings& settings, Parts& parts) : Teaching(settings, parts) {}

  void iterate(Iteration& it) override {
    it.phase("ancestral");
    const Tensor z_hat = latent(it);                      // 1. ẑ ~ N(0, I_d)          (n, d)
    const Tensor x_hat = generator_(Var(z_hat)).value();  //    x̂ = g_α(ẑ)            (n, H, W, C)
    const Tensor x_tilde = run_chains(it, x_hat);         // 2. x̃: l Langevin steps   (n, H, W, C)
    // 3. and 4. after 5., as the recipes do; both see the same x̃
    update_energy(it, x_tilde);  // 5. θ by (7)
    update_vae(it, x_tilde);     // 3. z̃ ~ π_β(z|x̃), 4. (α, β) by (9)
  }
};

}  // namespace

std::unique_ptr<Method> make_ebm_vae(const Settings& s, Parts& parts) {
  return std::make_unique<EbmVae>(dynamic_cast<const TeachingSettings&>(s), parts);
}

}  // namespace ebm
