// Latent-space EBM (Pang, Han, Nijkamp, Zhu, Wu, NeurIPS 2020): p(z) ∝ exp(f_θ(z))·N(z; 0, I) and x = g_α(z) + σ·noise,
// by maximum likelihood with a Langevin chain on the posterior of z and one on its prior. And alternating
// back-propagation (Han et al., AAAI 2017), which is the same with f ≡ 0. docs/method.md has the equations.
#pragma once

#include <optional>

#include "models/generator.h"
#include "train/chains/langevin.h"
#include "train/learner.h"
#include "train/method.h"
#include "train/methods/lebm_settings.h"

namespace ebm {

// What an iteration shows, beside gradient norms and rates; of z⁺ of the posterior chain and z⁻ of the prior's.
struct LebmShown {
  Quantity reconstruction;                 // mean ‖x − g(z⁺)‖²
  Quantity f_plus, f_minus;                // mean f
  Quantity sum_plus, sum_minus;            // Σ z, over all its elements
  Quantity squared_plus, squared_minus;    // Σ z²
  Quantity most_plus{OverRanks::largest};  // max |z|
  Quantity squared_gradient;               // Σ (∂V/∂z)² at the posterior chain's last step
  Quantity slope{OverRanks::same};         // the largest singular value of ∂g/∂z that was seen, squared
  Quantity step_size{OverRanks::same};     // δ₁

  float values = 1, chains = 1, sigma = 1;  // elements of z in a batch; rows

  void describe(ShownVisitor& v, bool has_prior);
};

class Lebm : public Method {
 public:
  Lebm(const LebmSettings& s, Parts& parts, bool has_prior);

  std::vector<BatchPart> batch() const override { return {{"x", images(settings_.batch)}}; }
  std::vector<const char*> phases() const override;
  void iterate(Iteration& it) override;
  std::string signs() const override { return "f = log p(z) - log N(z; 0, I) up to a constant: high = plausible"; }
  void describe(ShownVisitor& v) override { shown_.describe(v, has_prior()); }
  std::string lowered(double slowed) const override;
  std::string advice() const override { return "a lower --posterior-step-size"; }
  Abilities abilities() override;

 private:
  bool has_prior() const { return f_.has_value(); }
  Shape images(int64_t n) const { return {n, image_.height, image_.width, image_.channels}; }

  // U(z) = ‖z‖²/2 − f(z), (N); at low U the prior is high.
  Var prior_energy(const Var& z) const;
  Potential prior() const;
  // V(z|x) = ‖x − g(z)‖²/(2σ²) + U(z), of the images x (N, H, W, C).
  Potential posterior(const Tensor& x) const;
  // Steps of sampling: the settings', with another factor of the noise.
  LangevinRows prior_step(int64_t n, double noise_scale) const;

  void update_generator(Iteration& it, const Tensor& z_plus);
  void update_energy(Iteration& it, const Tensor& z_plus, const Tensor& z_minus);
  void watch_slope(const Tensor& z_plus);

  Tensor start(int64_t n, const RandomKey& key) const;  // z ~ N(0, I), (n, d)
  Samples sample(int64_t n, const RandomKey& key, const SampleOptions& options);
  Tensor generate(const Tensor& z);
  void revise(Tensor& z, const RandomKey& key, const SampleOptions& options, int64_t first_step);
  Tensor infer(const Tensor& x) const;  // (n, H, W, C) -> z (n, d)
  std::vector<LearnerBase*> learners();

  const LebmSettings settings_;
  const Device device_;
  const bool use_graph_;
  Learner<Generator> g_;
  std::optional<Learner<Sequence>> f_;
  const Number drift_, noise_;  // of the posterior chain: δ₁²/2, δ₁
  const ImageShape image_;
  Tensor direction_;  // (kSlopeRows, d), of length 1: along it the generator is steepest, as far as it was found
  LebmShown shown_;
};

void lebm_shown(ShownVisitor& v);
void abp_shown(ShownVisitor& v);
std::unique_ptr<Method> make_lebm(const Settings&, Parts&);
std::unique_ptr<Method> make_abp(const Settings&, Parts&);

}  // namespace ebm
