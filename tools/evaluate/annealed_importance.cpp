#include "tools/evaluate/annealed_importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "core/check.h"
#include "kernels/elementwise.h"
#include "tools/evaluate/averages.h"
#include "train/chains/hmc.h"

namespace ebm {
namespace {

constexpr double kPilotStep = 0.5;        // standard deviations of a log weight
constexpr int kPilotMoves = 3;            // at each beta of the pilot
constexpr double kGoodAcceptance = 0.65;  // Neal (2011)
constexpr double kStepGain = 0.3;         // change of log ε per unit of acceptance rate
enum Purpose : uint32_t { kPilot = 1, kForward, kReverse, kBase };

// a + factor·b of both parts
PotentialValue combined(const PotentialValue& a, double a_factor, const PotentialValue& b, double b_factor) {
  PotentialValue sum{a.u.clone(), a.gradient.clone()};
  scale_in_place(sum.u, static_cast<float>(a_factor));
  scale_in_place(sum.gradient, static_cast<float>(a_factor));
  add_scaled(sum.u, b.u, static_cast<float>(b_factor));
  add_scaled(sum.gradient, b.gradient, static_cast<float>(b_factor));
  return sum;
}

// Chains on the path.
class Path {
 public:
  Path(const DiagonalGaussian& base, const Potential& target, const Tensor& start, RandomKey key)
      : base_(base.energy()), target_(target), bound_(base.bound()), key_(key) {
    state_.x = start.clone();
    measure();
  }

  // One HMC move at beta; returns the acceptance rate.
  double move(double beta, double step_size, int64_t leapfrog_steps) {
    state_.energy = combined(u0_, 1 - beta, u1_, beta);
    const Potential energy = [&](const Tensor& x) { return combined(base_(x), 1 - beta, target_(x), beta); };
    const double rate = hmc_move(energy, state_, {step_size, leapfrog_steps, 1, bound_}, key_);
    ++key_.step;
    measure();
    return rate;
  }

  // U_0 − U of each chain: the derivative of its log weight by beta.
  const std::vector<double>& difference() const { return difference_; }
  const Tensor& x() const { return state_.x; }

 private:
  void measure() {
    u0_ = base_(state_.x);
    u1_ = target_(state_.x);
    const std::vector<float> a = u0_.u.to_host(), b = u1_.u.to_host();
    check_energies(b);
    difference_.resize(a.size());
    for (size_t i = 0; i < a.size(); ++i) difference_[i] = static_cast<double>(a[i]) - b[i];
  }

  Potential base_, target_;
  double bound_;
  RandomKey key_;
  ChainState state_;
  PotentialValue u0_, u1_;  // at state_.x
  std::vector<double> difference_;
};

RandomKey key_of(uint64_t seed, Purpose purpose) { return {seed, Stream::langevin, purpose, 0}; }

// A function given by its values at `places`, ascending, at place x.
double interpolated(const std::vector<double>& places, const std::vector<double>& values, double x) {
  const auto above = std::upper_bound(places.begin() + 1, places.end() - 1, x) - places.begin();
  const double low = places[above - 1], high = places[above];
  const double t = high > low ? (x - low) / (high - low) : 1;
  return values[above - 1] + t * (values[above] - values[above - 1]);
}

// Walks the betas, up or down: a forward chain changes beta and then moves there, a
// reverse chain moves and then changes beta.
AnnealingEstimate walk(Path& path, const AnnealingSchedule& s, double log_z0, bool forward,
                       const AnnealingProgress& progress) {
  const size_t steps = s.beta.size() - 1;
  AnnealingEstimate estimate;
  estimate.log_z.assign(path.difference().size(), log_z0);
  const auto weigh = [&](size_t k) {  // between beta_{k−1} and beta_k
    for (size_t i = 0; i < estimate.log_z.size(); ++i)
      estimate.log_z[i] += (s.beta[k] - s.beta[k - 1]) * path.difference()[i];
  };
  for (size_t i = 1; i <= steps; ++i) {
    const size_t k = forward ? i : steps + 1 - i;
    if (forward) weigh(k);
    estimate.acceptance += path.move(s.beta[k], s.step_size[k], s.leapfrog_steps) / static_cast<double>(steps);
    if (!forward) weigh(k);
    if (progress)
      progress(forward ? "the forward chains" : "the reverse chains",
               static_cast<double>(i) / static_cast<double>(steps));
  }
  estimate.mean = mean(estimate.log_z);
  estimate.standard_error = standard_deviation(estimate.log_z) / std::sqrt(static_cast<double>(estimate.log_z.size()));
  const double sign = forward ? 1 : -1;
  estimate.combined = sign * log_mean_exp(estimate.log_z, sign);
  estimate.x = path.x().clone();
  return estimate;
}

// The standard deviation of x among each `together` chains, over all of them.
double deviation(const std::vector<double>& x, int64_t together) {
  if (together == 0) return standard_deviation(x);
  double variance = 0;
  for (size_t first = 0; first < x.size(); first += static_cast<size_t>(together)) {
    const double sd = standard_deviation(std::span(x).subspan(first, static_cast<size_t>(together)));
    variance += sd * sd * static_cast<double>(together) / static_cast<double>(x.size());
  }
  return std::sqrt(variance);
}

void check_chains(int64_t chains) {
  EBM_CHECK(chains >= 2, "annealing", fmt::format("{} chains", chains), "2 or more");
}

}  // namespace

AnnealingSchedule annealing_schedule(const DiagonalGaussian& base, const Potential& target, const AnnealingPlan& plan) {
  check_chains(plan.chains);
  EBM_CHECK(plan.steps >= 1 && plan.leapfrog_steps >= 1, "annealing",
            fmt::format("{} steps, {} leapfrog steps", plan.steps, plan.leapfrog_steps), "1 or more");
  Path path(base, target, base.sample(plan.chains, key_of(plan.seed, kBase)), key_of(plan.seed, kPilot));
  std::vector<double> length{0}, beta{0}, log_step{std::log(0.1)};
  while (beta.back() < 1) {
    EBM_CHECK(static_cast<int64_t>(beta.size()) <= kMostPilotSteps, "annealing",
              fmt::format("a pilot run at beta = {:.3g} after {} steps", beta.back(), kMostPilotSteps),
              "a target nearer to the base, as at a higher temperature");
    const double sd = deviation(path.difference(), plan.together);
    const double next = sd > 0 ? std::min(1.0, beta.back() + kPilotStep / sd) : 1;
    length.push_back(length.back() + (next - beta.back()) * sd);
    beta.push_back(next);
    double step = log_step.back();
    for (int i = 0; i < kPilotMoves; ++i)
      step += kStepGain * (path.move(next, std::exp(step), plan.leapfrog_steps) - kGoodAcceptance);
    log_step.push_back(step);
    if (plan.progress) plan.progress("the pilot run", next);
  }
  log_step.front() = log_step[1];
  AnnealingSchedule schedule;
  schedule.leapfrog_steps = plan.leapfrog_steps;
  schedule.length = length.back();
  for (int64_t k = 0; k <= plan.steps; ++k) {
    const double place = length.back() * static_cast<double>(k) / static_cast<double>(plan.steps);
    schedule.beta.push_back(k == plan.steps ? 1 : interpolated(length, beta, place));
    schedule.step_size.push_back(std::exp(interpolated(length, log_step, place)));
  }
  return schedule;
}

AnnealingEstimate anneal_forward(const DiagonalGaussian& base, const Potential& target,
                                 const AnnealingSchedule& schedule, int64_t chains, uint64_t seed,
                                 const AnnealingProgress& progress) {
  check_chains(chains);
  Path path(base, target, base.sample(chains, key_of(seed, kBase)), key_of(seed, kForward));
  return walk(path, schedule, base.log_z(), true, progress);
}

AnnealingEstimate anneal_reverse(const DiagonalGaussian& base, const Potential& target,
                                 const AnnealingSchedule& schedule, const Tensor& start, uint64_t seed,
                                 const AnnealingProgress& progress) {
  check_chains(start.extent(0));
  Path path(base, target, start, key_of(seed, kReverse));
  return walk(path, schedule, base.log_z(), false, progress);
}

Potential at_temperature(Potential energy, double temperature) {
  EBM_CHECK(temperature > 0 && std::isfinite(temperature), "temperature", fmt::format("{}", temperature),
            "more than 0");
  return [energy = std::move(energy), temperature](const Tensor& x) {
    PotentialValue value = energy(x);
    value = {value.u.clone(), value.gradient.clone()};  // the function may keep what it hands out
    scale_in_place(value.u, static_cast<float>(1 / temperature));
    scale_in_place(value.gradient, static_cast<float>(1 / temperature));
    return value;
  };
}

}  // namespace ebm
