// What the five methods of variational MCMC teaching and its baselines share: the three networks, the chains in x, and
// the two updates. Each holds all three networks; those that it has no use for stay as they began. Tensors of an iteration
// hold this rank's rows: its share of the n chains, or of the batch.
#pragma once

#include "models/encoder.h"
#include "models/energy.h"
#include "models/generator.h"
#include "train/chains/langevin.h"
#include "train/method.h"
#include "train/methods/teaching_parts.h"

namespace ebm {

class Teaching : public TaughtByChains {
 public:
  std::vector<BatchPart> batch() const override;
  void describe(ShownVisitor& v) override { shown_.describe(v, settings_.method == "ebm-vae"); }
  Abilities abilities() override;

 protected:
  Teaching(const TeachingSettings& settings, Parts& parts);

  Tensor latent(Iteration& it) const;  // ẑ ~ N(0, I_d), (n, d)
  // The images after l Langevin steps from x̂ (n, H, W, C), (6).
  Tensor run_chains(Iteration& it, const Tensor& x_hat);
  // Gradients, which ranks sum up beside what follows; end_updates() makes the steps.
  // θ along mean ∇U(x) − mean ∇U(x̃), (7), x being the data.
  void begin_energy_update(Iteration& it, const Tensor& x_tilde);
  // (α, β) on the VAE's loss of these images, (9), of n of all ranks.
  void begin_vae_update(Iteration& it, const Tensor& images, int64_t n);
  // This rank's part of the mean ‖x − g‖² over n images g and x (n, H, W, C), (1).
  static Var squared_error(const Var& g, const Tensor& x, int64_t n);
  // π_β(z|x) of images (n, H, W, C), with dropout.
  Posterior infer(Iteration& it, const Tensor& images, int64_t n, const RandomKey& dropout_key) const;
  // This rank's part of (9) over n images (n, H, W, C), given their posterior; shows its two terms.
  Var vae_loss(Iteration& it, const Posterior& posterior, const Tensor& images, int64_t n);

  // Uniform noise in [-1, 1), images number first, first + 1, …: (n, H, W, C).
  Tensor noise_images(int64_t n, const RandomKey& key, int64_t first = 0) const;
  // What sampling begins with: samples number first, first + 1, …, a batch of them (kSampleBatch, H, W, C).
  virtual Tensor sample_start(const RandomKey& key, int64_t first, int64_t first_row);

  Shape images(int64_t n) const { return {n, image_.height, image_.width, image_.channels}; }

  const TeachingSettings settings_;
  const Device device_;
  const bool use_graph_;
  Learner<EnergyNet> energy_;
  Learner<Encoder> encoder_;
  Learner<Generator> generator_;
  const Number kl_weight_, image_noise_;
  const ImageShape image_;
  const LangevinStep step_;
  const bool has_energy_;  // the method trains it

  TeachingShown shown_;

 private:
  Samples sample(int64_t n, const RandomKey& key, const SampleOptions& options);
  Tensor generate(const Tensor& z);
  void revise(Tensor& x, const RandomKey& key, const SampleOptions& options, int64_t first_step);
  Tensor energy_of(const Tensor& x);
  Potential potential_of();
};

// Batch normalisation takes its batch's statistics: samples are always drawn in batches of this size, a multiple of
// the four elements that are drawn at a time.
inline constexpr int64_t kSampleBatch = 100;

std::unique_ptr<Method> make_ebm_vae(const Settings&, Parts&);
std::unique_ptr<Method> make_vae(const Settings&, Parts&);
std::unique_ptr<Method> make_coopnets(const Settings&, Parts&);
std::unique_ptr<Method> make_short_run(const Settings&, Parts&);
std::unique_ptr<Method> make_persistent(const Settings&, Parts&);

}  // namespace ebm
