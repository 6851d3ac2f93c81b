#include "tools/evaluate/diagnosis.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "core/device.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "tools/evaluate/autocorrelation.h"
#include "tools/evaluate/convergence.h"
#include "train/chains/langevin_move.h"

namespace ebm {
namespace {

constexpr int64_t kLeastKept = 8;
constexpr uint32_t kMostHalvings = 16;

// Random unit vectors, (count, D).
Tensor directions(int64_t count, int64_t size, uint64_t seed, Device device) {
  Tensor w = Tensor::empty({count, size}, device);
  fill_normal(w, {seed, Stream::projection}, 0, 1);
  std::vector<float> values = w.to_host();
  for (int64_t i = 0; i < count; ++i) {
    const auto row = std::span(values).subspan(static_cast<size_t>(i * size), static_cast<size_t>(size));
    double squares = 0;
    for (const float v : row) squares += static_cast<double>(v) * v;
    for (float& v : row) v = static_cast<float>(v / std::sqrt(squares));
  }
  w.copy_from_host(values);
  return w;
}

double mean_length(const Tensor& x) {  // (N, …) -> mean ‖x‖
  const std::vector<float> squares = sum_rows(unary(Unary::square, x)).to_host();
  double sum = 0;
  for (const float s : squares) sum += std::sqrt(s);
  return sum / static_cast<double>(squares.size());
}

SeriesDiagnosis diagnose_series(std::string name, const ChainDraws& draws) {
  return {std::move(name),
          split_rhat(draws),
          rank_normalised_rhat(draws),
          effective_sample_size(draws),
          bulk_effective_sample_size(draws),
          integrated_autocorrelation_time(draws)};
}

// Mean acceptance probability over the second half of plan.mala_moves moves from `state`.
double mala_rate(const Potential& energy, ChainState state, const HmcStep& step, const DiagnosisPlan& plan,
                 uint32_t halvings) {
  state.x = state.x.clone();
  const int64_t first = plan.mala_moves / 2;
  double sum = 0;
  for (int64_t t = 0; t < plan.mala_moves; ++t) {
    const double rate =
        hmc_move(energy, state, step, {plan.seed, Stream::langevin, 1 + halvings, static_cast<uint32_t>(t)});
    if (t >= first) sum += rate;
  }
  return sum / static_cast<double>(plan.mala_moves - first);
}

// Watches chains step by step and fills in a Diagnosis.
class Watch {
 public:
  Watch(Diagnosis& diagnosis, const Tensor& start) : d_(diagnosis), start_(start.clone()), observed_(d_.plan.observed) {
    const int64_t chains = start.extent(0);
    if (d_.plan.projections > 0)
      observed_.insert(observed_.begin(),
                       projections(d_.plan.projections, {chains, start.size() / chains}, d_.plan.seed, start.device()));
    d_.energy = {d_.chains, d_.plan.steps + 1,
                 std::vector<double>(static_cast<size_t>(d_.chains * (d_.plan.steps + 1)))};
    const int64_t kept = d_.plan.steps - d_.plan.warmup;
    for (const Observed& o : observed_)
      draws_.emplace_back(o.names.size(),
                          ChainDraws{chains, kept, std::vector<double>(static_cast<size_t>(chains * kept))});
  }

  void see(int64_t t, const ChainState& state) {
    const std::vector<float> u = state.energy.u.to_host();
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < d_.chains; ++c) d_.energy.values[c * d_.energy.steps + t] = u[c], sum += u[c];
    const double mean = sum / static_cast<double>(d_.chains);
    for (const float value : u) squares += (value - mean) * (value - mean);
    d_.u.push_back(mean);
    d_.u_sd.push_back(std::sqrt(squares / static_cast<double>(std::max<int64_t>(1, d_.chains - 1))));
    d_.norm.push_back(mean_length(state.x));
    d_.distance.push_back(mean_length(binary(Binary::sub, state.x, start_)));
    if (std::binary_search(d_.plan.snapshots.begin(), d_.plan.snapshots.end(), t))
      d_.snapshots.push_back(state.x.clone());
    if (t > d_.plan.warmup) observe(t - d_.plan.warmup - 1, state.x);
  }

  void finish(const ChainState& state) {
    const int64_t kept = d_.plan.steps - d_.plan.warmup;
    ChainDraws energy{d_.chains, kept, {}};
    for (int64_t c = 0; c < d_.chains; ++c) {
      const auto last = d_.energy.chain(c).last(static_cast<size_t>(kept));
      energy.values.insert(energy.values.end(), last.begin(), last.end());
    }
    d_.series.push_back(diagnose_series("U", energy));
    for (size_t i = 0; i < observed_.size(); ++i)
      for (size_t k = 0; k < draws_[i].size(); ++k)
        d_.series.push_back(diagnose_series(observed_[i].names[k], draws_[i][k]));
    const LangevinStep* langevin = std::get_if<LangevinStep>(&d_.step);
    if (!langevin || langevin->clamp <= 0) return;
    int64_t on_clamp = 0;
    for (const float v : state.x.to_host()) on_clamp += std::abs(v) >= langevin->clamp;
    d_.on_clamp = static_cast<double>(on_clamp) / static_cast<double>(state.x.size());
  }

 private:
  void observe(int64_t t, const Tensor& x) {
    for (size_t i = 0; i < observed_.size(); ++i) {
      const std::vector<float> y = observed_[i].values(x);  // (N, count)
      const size_t count = draws_[i].size();
      for (size_t j = 0; j < y.size(); ++j)
        draws_[i][j % count].values[j / count * static_cast<size_t>(draws_[i][0].steps) + static_cast<size_t>(t)] =
            y[j];
    }
  }

  Diagnosis& d_;
  Tensor start_;  // (N, …)
  std::vector<Observed> observed_;
  std::vector<std::vector<ChainDraws>> draws_;  // of each name
};

}  // namespace

Observed projections(int64_t count, const Shape& flat, uint64_t seed, Device device) {
  Observed o;
  for (int64_t i = 1; i <= count; ++i) o.names.push_back(fmt::format("projection {}", i));
  o.values = [flat, w = directions(count, flat[1], seed, device)](const Tensor& x) {
    return linear(x.reshaped(flat), w, {}).to_host();  // (N, count)
  };
  return o;
}

Diagnosis diagnose(const Potential& energy, const Tensor& start, const ChainStep& step, const DiagnosisPlan& plan,
                   const std::function<void(int64_t)>& stepped) {
  EBM_CHECK(plan.mala_moves >= 1, "diagnose", fmt::format("{} MALA moves", plan.mala_moves), "1 or more");
  EBM_CHECK(plan.warmup >= 0 && plan.steps - plan.warmup >= kLeastKept, "diagnose",
            fmt::format("{} steps with a warm-up of {}", plan.steps, plan.warmup),
            fmt::format("at least {} steps after the warm-up", kLeastKept));
  Diagnosis d;
  d.chains = start.extent(0);
  d.plan = plan;
  d.step = step;
  const LangevinStep* langevin = std::get_if<LangevinStep>(&step);
  const HmcStep* hmc = std::get_if<HmcStep>(&step);
  if (hmc) d.gradients = hmc->leapfrog_steps, d.accepted = 0;
  const auto move = [&](ChainState& state, const RandomKey& key) {
    if (hmc) return hmc_move(energy, state, *hmc, key);
    langevin_move(energy, state, *langevin, key);
    return 1.0;
  };
  const bool thermal = langevin && langevin->drift > 0 && langevin->noise > 0;
  if (thermal) d.temperature = langevin_temperature(*langevin);
  ChainState state = chain_state(energy, start);
  Watch watch(d, start);
  for (int64_t t = 0;; ++t) {
    watch.see(t, state);
    if (t == plan.steps) break;
    const auto begin = std::chrono::steady_clock::now();
    const double accepted = move(state, {plan.seed, Stream::langevin, 0, static_cast<uint32_t>(t)});
    if (t >= plan.warmup) {
      synchronize(start.device());
      d.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      if (hmc) d.accepted += accepted / static_cast<double>(plan.steps - plan.warmup);
    }
    if (stepped) stepped(t + 1);
  }
  watch.finish(state);
  for (uint32_t k = 0; thermal && k <= kMostHalvings; ++k) {
    HmcStep smaller = mala_step(*langevin);
    smaller.step_size = std::ldexp(smaller.step_size, -static_cast<int>(k));
    d.mala.push_back({smaller.step_size, mala_rate(energy, state, smaller, plan, k)});
    if (d.mala.back().rate >= Diagnosis::kGoodAcceptance) break;
  }
  return d;
}

double tuned_step_size(const Potential& energy, const Tensor& start, HmcStep step, double acceptance, int64_t moves,
                       uint64_t seed) {
  constexpr double kGain = 2;  // of log ε for each unit of acceptance, less and less
  ChainState state = chain_state(energy, start);
  double log_step = std::log(step.step_size);
  for (int64_t t = 0; t < moves; ++t) {
    step.step_size = std::exp(log_step);
    const double rate = hmc_move(energy, state, step, {seed, Stream::langevin, 1, static_cast<uint32_t>(t)});
    log_step += kGain * (rate - acceptance) / std::sqrt(1 + 0.1 * static_cast<double>(t));
  }
  return std::exp(log_step);
}

}  // namespace ebm
