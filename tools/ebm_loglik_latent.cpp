#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tools/command.h"
#include "tools/ebm_loglik.h"
#include "tools/evaluate/latent_likelihood.h"
#include "tools/evaluate/likelihood.h"
#include "tools/progress.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

// Where a generator and a posterior of z say how likely an image is.
class LatentLoglik {
 public:
  LatentLoglik(const LoglikFlags& flags, std::unique_ptr<Trainer> model);
  void compute();
  void write() const;

 private:
  const LoglikFlags& flags_;
  std::unique_ptr<Trainer> trainer_;
  LatentLikelihoodPlan plan_;
  std::vector<float> images_;  // (n, H, W, C), dequantised
  int64_t n_;
  LatentLikelihood result_;
};

LatentLoglik::LatentLoglik(const LoglikFlags& flags, std::unique_ptr<Trainer> model)
    : flags_(flags), trainer_(std::move(model)), n_(loglik_images(flags, kLoglikInZ)) {
  EBM_CHECK(flags.temperatures.empty() && flags.base.empty() && flags.reverse == "samples", "loglik",
            "--temperature, --base or --reverse for a model of z",
            "none of them: chains lead from a Gaussian around a z that fits to z's posterior");
  plan_.annealing = annealing_plan(flags, kLoglikInZ);
  plan_.prior_energy = can(trainer_->settings().method, Ability::chains);
  plan_.prior_steps = trainer_->abilities().usual.steps;
  check_writable(flags.json);
  images_ = test_images_of(*trainer_, flags.data, n_, "--n", flags.n);
  dequantise(images_, 0, plan_.annealing.seed);
}

void LatentLoglik::compute() {
  fmt::print(
      "{} at iteration {}: mean log-likelihood of {} test images (with a grey level of uniform noise) under\n"
      "p(x) = ∫ N(x; g(z), {:g}^2) p(z) dz; {} chains an image, {} steps of annealing to z's posterior\n",
      trainer_->settings().recipe, trainer_->iteration(), n_, trainer_->abilities().sigma, plan_.annealing.chains,
      plan_.annealing.steps);
  std::fflush(stdout);
  trainer_->take_averages();
  plan_.annealing.progress = [line = OccasionalLine()](const char* what, double share) mutable {
    line(fmt::format("{:.2g} of {}", share, what));
  };
  result_ = latent_likelihood(trainer_->abilities(), images_, trainer_->device(), plan_);
}

void LatentLoglik::write() const {
  const int64_t dimensions = trainer_->abilities().image.elements();
  const double low = result_.lower, high = result_.upper;
  fmt::print("\n  forward {:>12.2f} nats +- {:.2f}, {:.3f} bits/dim; moves accepted {:.0f} %\n", low,
             result_.standard_error, bits_per_dimension(low, dimensions), 100 * result_.acceptance);
  fmt::print("  reverse {:>12.2f} nats, {:.3f} bits/dim\n", high, bits_per_dimension(high, dimensions));
  if (plan_.prior_energy)
    fmt::print("  log Z of the prior: {:.3f} forward, {:.3f} reverse\n", result_.log_z_forward, result_.log_z_reverse);
  fmt::print(
      "\nforward is a lower bound of the log-likelihood in expectation{}.\n"
      "reverse begins where the forward chains ended, by their weights: an indication, no bound. A gap says how well\n"
      "the integral over z is known: more --steps narrow it. The chains of an image begin at the lowest of as many\n"
      "descents; a lower valley that none found is in neither figure: more --chains raise both.\n",
      plan_.prior_energy ? ", if log Z's reverse chains began at draws of the prior" : "");
  write_json(flags_.json, {{"recipe", trainer_->settings().recipe},
                           {"iteration", trainer_->iteration()},
                           {"n", n_},
                           {"chains", plan_.annealing.chains},
                           {"steps", plan_.annealing.steps},
                           {"leapfrog_steps", plan_.annealing.leapfrog_steps},
                           {"seed", plan_.annealing.seed},
                           {"sigma", trainer_->abilities().sigma},
                           {"dimensions", dimensions},
                           {"nats_forward", low},
                           {"nats_reverse", high},
                           {"standard_error", result_.standard_error},
                           {"bits_per_dimension_forward", bits_per_dimension(low, dimensions)},
                           {"bits_per_dimension_reverse", bits_per_dimension(high, dimensions)},
                           {"log_z_forward", result_.log_z_forward},
                           {"log_z_reverse", result_.log_z_reverse}});
}

}  // namespace

void loglik_in_z(const LoglikFlags& flags, std::unique_ptr<Trainer> model) {
  run_command<LatentLoglik>(flags, std::move(model));
}

}  // namespace ebm
