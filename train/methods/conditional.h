// Conditional variational MCMC teaching, p(x|c): an image x given its known part c, and what it is compared with. Tensors of
// an iteration hold this rank's rows of the batch, one chain for each image.
#pragma once

#include "models/energy.h"
#include "models/residual_encoder.h"
#include "models/unet.h"
#include "train/method.h"
#include "train/methods/conditional_settings.h"
#include "train/methods/teaching_parts.h"

namespace ebm {

// Beside what unconditional teaching shows: the distance to the true image.
struct ConditionalShown : TeachingShown {
  Quantity target;  // mean Σ|x − g(c,z)|
  void describe(ShownVisitor& v);
};

class Conditional : public TaughtByChains {
 public:
  std::vector<BatchPart> batch() const override;
  void describe(ShownVisitor& v) override { shown_.describe(v); }
  Abilities abilities() override;

 protected:
  Conditional(const ConditionalSettings& settings, Parts& parts);

  Tensor latent(Iteration& it) const;  // ẑ ~ N(0, I_d), (n, d)
  // The images after l Langevin steps from x̂ (n, H, W, C) on U_θ(·, c).
  Tensor run_chains(Iteration& it, const Tensor& x_hat);
  // The gradient of mean U(x, c) − mean U(x̃, c), which ranks begin to sum up.
  void begin_energy_update(Iteration& it, const Tensor& x_tilde);
  // π_β(z|x, c) and z̃ of it.
  struct Inferred {
    Posterior posterior;
    Var z;  // (n, d)
  };
  Inferred infer(Iteration& it, const Tensor& x, Stream stream);
  // This rank's part of the mean Σ(x − g)² and Σ|x − g| over all ranks' images, (1).
  Var squared_error(const Var& g, const Tensor& x) const;
  Var absolute_error(const Var& g, const Tensor& x) const;
  // γ·KL of the posterior, (1); shows the KL.
  Var kl_term(const Posterior& posterior);

  const ConditionalSettings settings_;
  const Device device_;
  Learner<EnergyNet> energy_;
  Learner<ResidualEncoder> encoder_;
  Learner<UNet> generator_;
  const Number kl_weight_, image_noise_;
  const LangevinStep step_;
  ConditionalShown shown_;

 private:
  Samples complete(const Tensor& c, const Tensor& z, const RandomKey& key, const SampleOptions& options);
  Samples sample(int64_t n, const RandomKey& key, const SampleOptions& options);

  Tensor shown_x_, shown_c_;  // images whose completions sample() draws, and their conditions
};

std::unique_ptr<Method> make_conditional(const Settings&, Parts&);
std::unique_ptr<Method> make_conditional_coopnets(const Settings&, Parts&);
std::unique_ptr<Method> make_conditional_vae(const Settings&, Parts&);
std::unique_ptr<Method> make_regression(const Settings&, Parts&);

}  // namespace ebm
