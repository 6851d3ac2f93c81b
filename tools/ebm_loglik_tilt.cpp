#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tools/command.h"
#include "tools/ebm_loglik.h"
#include "tools/evaluate/tilt_likelihood.h"
#include "tools/progress.h"
#include "train/data/points.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr uint64_t kTestPoints = 0x7e57;  // the seed of test points, which no run is likely to have
constexpr int64_t kEdge = 800;            // cells of the plane, each way
constexpr double kReaches = 2;            // of the data's reach that they cover: a flow leaves mass outside

// Of a density that an energy tilts: what does the tilt gain on test images?
class TiltLoglik {
 public:
  TiltLoglik(const LoglikFlags& flags, std::unique_ptr<Trainer> model);
  void compute();
  void write() const;

 private:
  // Of nats, for images of 256 levels in [-1, 1]: log2(128) for what their density has beyond that of the levels.
  double bits(double nats) const {
    return 7 - nats / (static_cast<double>(trainer_->abilities().image.elements()) * std::log(2.0));
  }
  std::string in_bits(double nats) const { return points_ ? "" : fmt::format(", {:.4f} bits/dim", bits(nats)); }

  const LoglikFlags& flags_;
  std::unique_ptr<Trainer> trainer_;
  const PointSet* points_;
  TiltPlan plan_;
  int64_t n_;
  std::vector<float> data_;  // (n, H, W, C), as the density is of
  TiltLikelihood result_;
  std::optional<PlaneLikelihood> plane_;
};

TiltLoglik::TiltLoglik(const LoglikFlags& flags, std::unique_ptr<Trainer> model)
    : flags_(flags),
      trainer_(std::move(model)),
      points_(find_point_set(trainer_->settings().data)),
      n_(loglik_images(flags, kLoglikTilt)) {
  EBM_CHECK(flags.temperatures.empty() && flags.base.empty() && flags.reverse == "samples", "loglik",
            "--temperature, --base or --reverse for a model that tilts a density",
            "none of them: chains lead from N(0, I) to its density of z");
  plan_.annealing = annealing_plan(flags, kLoglikTilt);
  plan_.moves = trainer_->abilities().usual.steps;
  check_writable(flags.json);
  const Abilities& a = trainer_->abilities();
  if (points_) {
    data_.resize(static_cast<size_t>(2 * n_));
    float* const out[] = {data_.data()};
    PointSource(*points_).fill(kTestPoints, 0, n_, 0, n_, out);
    return;
  }
  const std::vector<float> images = test_images_of(*trainer_, flags.data, n_, "--n", flags.n);
  const Tensor x = Tensor::from_host(images, {n_, a.image.height, a.image.width, a.image.channels}, trainer_->device());
  data_ = a.dequantised(x, {plan_.annealing.seed, Stream::data_noise}).to_host();
}

void TiltLoglik::compute() {
  fmt::print(
      "{} at iteration {}: mean log-likelihood of {} test {} under p(x) = e^f(x) q(x)/Z;\n"
      "{} chains, {} steps of annealing in z from N(0, I)\n",
      trainer_->settings().recipe, trainer_->iteration(), n_,
      points_ ? "points" : "images (with a grey level of uniform noise)", plan_.annealing.chains,
      plan_.annealing.steps);
  std::fflush(stdout);
  trainer_->take_averages();
  plan_.annealing.progress = [line = OccasionalLine()](const char* what, double share) mutable {
    line(fmt::format("{:.2g} of {}", share, what));
  };
  result_ = tilt_likelihood(trainer_->abilities(), data_, trainer_->device(), plan_);
  if (points_)
    plane_ =
        plane_likelihood(trainer_->abilities(), points_->density, kReaches * points_->reach, kEdge, trainer_->device());
}

void TiltLoglik::write() const {
  const TiltLikelihood& l = result_;
  const auto row = [&](const char* name, const AnnealingEstimate& e, double gain) {
    fmt::print(
        "  {:<8} log Z {:>9.3f} (mean {:.3f} +- {:.3f}), moves accepted {:>3.0f} %: {:>+9.3f} nats, log p {:.2f}{}\n",
        name, e.combined, e.mean, e.standard_error, 100 * e.acceptance, gain, l.log_q + gain, in_bits(l.log_q + gain));
  };
  fmt::print("\n  log q {:.2f} nats{}; f {:.3f} +- {:.3f} on these, {:.3f} on samples\n", l.log_q, in_bits(l.log_q),
             l.f, l.f_error, l.f_samples);
  row("forward", l.z.forward, l.gain_optimistic());
  row("reverse", l.z.reverse, l.gain_pessimistic());
  fmt::print("  of {} draws of q alone: log Z {:.3f}, worth {:.3g} of them\n", plan_.draws, l.importance,
             l.importance_ess);
  fmt::print(
      "\nforward is an upper bound of the gain over q in expectation; reverse a lower one as far as samples after {} "
      "moves\n"
      "are draws of p. Draws of q alone flatter as forward does. KL(p|q) {:.3g} nats.\n",
      plan_.moves, l.tilt());
  if (plane_)
    fmt::print(
        "\nOn a grid of {0}x{0} cells, exactly: log Z {1:.4f}, KL(data|q) {2:.4f}, KL(data|p) {3:.4f}; q's mass "
        "{4:.4f}\n",
        kEdge, plane_->log_z, plane_->kl_q, plane_->kl_p, plane_->mass);
  nlohmann::json json{{"recipe", trainer_->settings().recipe},
                      {"iteration", trainer_->iteration()},
                      {"n", n_},
                      {"chains", plan_.annealing.chains},
                      {"steps", plan_.annealing.steps},
                      {"leapfrog_steps", plan_.annealing.leapfrog_steps},
                      {"seed", plan_.annealing.seed},
                      {"nats_q", l.log_q},
                      {"f", l.f},
                      {"f_standard_error", l.f_error},
                      {"f_samples", l.f_samples},
                      {"log_z_forward", l.z.forward.combined},
                      {"log_z_reverse", l.z.reverse.combined},
                      {"log_z_standard_error", std::max(l.z.forward.standard_error, l.z.reverse.standard_error)},
                      {"log_z_importance", l.importance},
                      {"importance_ess", l.importance_ess},
                      {"gain_optimistic", l.gain_optimistic()},
                      {"gain_pessimistic", l.gain_pessimistic()},
                      {"kl_p_q", l.tilt()}};
  if (!points_)
    json.update({{"bits_per_dimension_q", bits(l.log_q)},
                 {"bits_per_dimension_pessimistic", bits(l.log_q + l.gain_pessimistic())}});
  if (plane_) json.update({{"grid_log_z", plane_->log_z}, {"grid_kl_q", plane_->kl_q}, {"grid_kl_p", plane_->kl_p}});
  write_json(flags_.json, json);
}

}  // namespace

void loglik_of_tilt(const LoglikFlags& flags, std::unique_ptr<Trainer> model) {
  run_command<TiltLoglik>(flags, std::move(model));
}

}  // namespace ebm
