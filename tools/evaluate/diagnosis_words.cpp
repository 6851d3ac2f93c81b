#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "tools/evaluate/diagnosis.h"

namespace ebm {
namespace {

constexpr double kMixed = 1.01;     // Vehtari et al. (2021)
constexpr double kApart = 1.1;      // chains clearly apart
constexpr double kNone = 1e-5;      // an acceptance rate that no run would see
constexpr double kColdRatio = 100;  // a spread of U worth this many T: descent rather than sampling

double least_ess(const Diagnosis& d) {
  double ess = d.series.front().bulk_ess;
  for (const SeriesDiagnosis& s : d.series) ess = std::min(ess, s.bulk_ess);
  return ess;
}

std::string mixing(const Diagnosis& d) {
  const SeriesDiagnosis& u = d.series.front();
  if (std::isnan(u.rank_rhat)) return "chains do not move: U is the same at every step";
  SeriesDiagnosis worst = u;
  for (const SeriesDiagnosis& s : d.series)
    if (s.rank_rhat > worst.rank_rhat) worst = s;
  const auto draws = static_cast<double>(d.chains * (d.plan.steps - d.plan.warmup));
  const std::string elsewhere = worst.name == u.name ? "" : fmt::format(", {:.3g} of {}", worst.rank_rhat, worst.name);
  const std::string figures = fmt::format("R-hat {:.3g} of U{} (below {} when mixed), {:.0f} draws worth {:.0f}",
                                          u.rank_rhat, elsewhere, kMixed, draws, least_ess(d));
  if (worst.rank_rhat < kMixed) return "chains mix: " + figures;
  if (worst.rank_rhat < kApart) return "chains have nearly mixed: " + figures;
  if (u.rank_rhat < kApart)
    return "chains reach one level of U but do not mix, each stays in its own place: " + figures;
  return "chains do not mix: " + figures;
}

std::string moves(const Diagnosis& d, const HmcStep& step) {
  const double draws = static_cast<double>(d.chains * (d.plan.steps - d.plan.warmup)), ess = least_ess(d);
  const double share = 100 * d.accepted, gradients = draws * static_cast<double>(d.gradients) / ess;
  const std::string refused =
      step.adjusted
          ? fmt::format("{:.0f} % of the moves are accepted, and the chain leaves exp(-U) as it is", share)
          : fmt::format("every move is taken, where {:.0f} % would be: the chain follows exp(-U) only nearly", share);
  return fmt::format("{}, {} leapfrog steps of {:.3g} each; of the slowest quantity {:.3g} gradients are worth a draw",
                     refused, step.leapfrog_steps, step.step_size, gradients);
}

std::string sampling(const Diagnosis& d) {
  if (const HmcStep* hmc = std::get_if<HmcStep>(&d.step)) return moves(d, *hmc);
  if (d.temperature == 0) return "the steps have no noise: they descend to minima of U, and no distribution is sampled";
  const double rate = d.mala.front().rate, spread = d.u_sd.back() / d.temperature;
  std::string line = fmt::format("the steps belong to exp(-U/T) with T = noise^2/(2 drift) = {:.3g}; ", d.temperature);
  if (spread > kColdRatio)
    line +=
        fmt::format("U's standard deviation over the chains is {:.2g} T: closer to descent than to sampling; ", spread);
  line +=
      rate < kNone ? "MALA would accept none of them" : fmt::format("MALA would accept {:.2g} % of them", 100 * rate);
  if (rate >= Diagnosis::kGoodAcceptance) return line + ": they are small enough for the chain to follow exp(-U/T)";
  const Diagnosis::Acceptance& last = d.mala.back();
  if (last.rate >= Diagnosis::kGoodAcceptance)
    return line + fmt::format(", and {:.0f} % of steps {:.0f} times smaller: what the chain samples is not exp(-U/T)",
                              100 * last.rate, d.mala.front().step_size / last.step_size);
  return line + ": what the chain samples is not exp(-U/T)";
}

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

// From the third to the fourth quarter of the chains, each compared with itself, against the error of that
// mean.
std::string late_trend(const Diagnosis& d) {
  const auto quarter = static_cast<size_t>(d.plan.steps / 4);
  double sum = 0, squares = 0;
  for (int64_t c = 0; c < d.chains; ++c) {
    const auto late = d.energy.chain(c).last(2 * quarter);
    const double change = mean(late.last(quarter)) - mean(late.first(quarter));
    sum += change, squares += change * change;
  }
  const auto n = static_cast<double>(d.chains);
  const double change = sum / n, error = std::sqrt(std::max(0.0, squares / n - change * change) / n);
  if (std::abs(change) <= 3 * error) return "U has levelled off";
  return fmt::format("U still {} at the end", change < 0 ? "falls" : "rises");
}

std::string drift(const Diagnosis& d, int64_t run_length) {
  const auto end = static_cast<size_t>(d.plan.steps);
  if (run_length >= d.plan.steps)
    return fmt::format(
        "after {} steps, no more than the run's own: U {:.4g} ({:.4g} at the start), |x| {:.4g}, "
        "distance to the start {:.3g}",
        end, d.u[end], d.u[0], d.norm[end], d.distance[end]);
  const auto own = static_cast<size_t>(run_length);
  return fmt::format(
      "from the run's own length, {} steps, to {}: U from {:.4g} to {:.4g} ({:.4g} at the start), |x| from {:.4g} to "
      "{:.4g}, distance to the start from {:.3g} to {:.3g}; {}",
      own, end, d.u[own], d.u[end], d.u[0], d.norm[own], d.norm[end], d.distance[own], d.distance[end], late_trend(d));
}

}  // namespace

std::vector<std::string> in_words(const Diagnosis& d, int64_t run_length) {
  std::vector<std::string> lines{mixing(d), sampling(d), drift(d, run_length)};
  if (d.on_clamp > 0.01)
    lines.push_back(fmt::format("{:.0f} % of the values end on the clamp at +-{:.3g}: it, not U, holds the chains",
                                100 * d.on_clamp, std::get<LangevinStep>(d.step).clamp));
  return lines;
}

}  // namespace ebm
