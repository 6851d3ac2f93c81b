#include "train/chains/hmc.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "core/check.h"
#include "kernels/chain/leapfrog.h"
#include "kernels/chain/metropolis.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "train/chains/langevin_move.h"

namespace ebm {
namespace {

// ‖p‖² (N), summed in fp32 by blocks: its error, 1e-7·D, is small beside 1.
Tensor squared(const Tensor& p) { return sum_rows(unary(Unary::square, p)); }

void check_step(const HmcStep& step) {
  EBM_CHECK((step.step_size > 0 || step.adapting.at) && step.leapfrog_steps >= 1 && step.temperature > 0, "hmc",
            fmt::format("step size {}, {} leapfrog steps, temperature {}", step.step_size, step.leapfrog_steps,
                        step.temperature),
            "all above 0");
}

// What a move proposes, and what beside U enters into its decision: H = U/T + squared/2, each (N).
struct Trajectory {
  ChainState end;
  Tensor squared_begin, squared_end;
};

// Leapfrog steps with momenta p (N, …).
Trajectory trajectory(const Potential& energy, const ChainState& from, Tensor p, const HmcStep& step) {
  const Scalar epsilon = step.adapting.at ? step.adapting : Scalar(static_cast<float>(step.step_size));
  const auto half = static_cast<float>(0.5 / step.temperature);
  Trajectory t{{from.x.clone(), from.energy}, squared(p), {}};
  for (int64_t i = 0; i < step.leapfrog_steps; ++i) {
    leapfrog_kick(p, t.end.energy.gradient, epsilon, half);
    leapfrog_position(t.end.x, p, epsilon, static_cast<float>(step.bound));
    t.end.energy = energy(t.end.x);
    leapfrog_kick(p, t.end.energy.gradient, epsilon, half);
  }
  t.squared_end = squared(p);
  return t;
}

// To `drawn` (N, …), of N(0, I): Metropolis and Hastings' rule divides by the density that proposed it.
Trajectory leap(const Potential& energy, const ChainState& from, const Tensor& drawn) {
  const auto less = [](const Tensor& x) {
    Tensor s = squared(x);
    scale_in_place(s, -1);
    return s;
  };
  return {{drawn, energy(drawn)}, less(from.x), less(drawn)};
}

Tensor normals(const Shape& shape, const RandomKey& key, int64_t first_chain, Device device) {
  Tensor x = Tensor::empty(shape, device);  // (N, …)
  fill_normal(x, key, 0, 1.0f, static_cast<uint64_t>(first_chain * (shape.size() / shape[0])));
  return x;
}

// Takes the proposal where `choose` (N) is not 0.
void accept(ChainState& state, const ChainState& proposal, const Tensor& choose) {
  replace_rows(state.x, proposal.x, choose);
  // not in the place of the old values: a potential may hand out tensors that it keeps
  state.energy = {state.energy.u.clone(), state.energy.gradient.clone()};
  replace_rows(state.energy.u, proposal.energy.u, choose);
  replace_rows(state.energy.gradient, proposal.energy.gradient, choose);
}

}  // namespace

HmcStep mala_step(const LangevinStep& step) { return {step.noise, 1, langevin_temperature(step), step.clamp}; }

double hmc_move(const Potential& energy, ChainState& state, const HmcStep& step, const RandomKey& key) {
  const std::vector<float> probabilities = hmc_chain(energy, state, 1, step, key, key.step).to_host();  // (N)
  return std::accumulate(probabilities.begin(), probabilities.end(), 0.0) / static_cast<double>(probabilities.size());
}

Tensor hmc_chain(const Potential& energy, Tensor& x, int64_t num_moves, const HmcStep& step, const RandomKey& key,
                 int64_t first_move, int64_t first_chain) {
  ChainState state{x, energy(x)};
  return hmc_chain(energy, state, num_moves, step, key, first_move, first_chain);
}

Tensor hmc_chain(const Potential& energy, ChainState& state, int64_t num_moves, const HmcStep& step,
                 const RandomKey& key, int64_t first_move, int64_t first_chain) {
  check_step(step);
  EBM_CHECK(num_moves >= 1, "hmc", fmt::format("{} moves", num_moves), "one or more");
  const int64_t n = state.x.extent(0);
  Tensor mean = Tensor::zeros({n}, state.x.device());
  for (int64_t i = first_move; i < first_move + num_moves; ++i) {
    RandomKey move = key;
    move.step = static_cast<uint32_t>(i);
    const Tensor drawn = normals(state.x.shape(), move, first_chain, state.x.device());  // (N, …)
    const bool independent = step.independent_every > 0 && (i + 1) % step.independent_every == 0;
    const Trajectory t = independent ? leap(energy, state, drawn) : trajectory(energy, state, drawn, step);
    move.stream = Stream::acceptance;
    const MetropolisDecision decision = metropolis(state.energy.u, t.squared_begin, t.end.energy.u, t.squared_end,
                                                   step.temperature, move, static_cast<uint64_t>(first_chain));
    accept(state, t.end, step.adjusted || independent ? decision.accepted : full({n}, 1, state.x.device()));
    add_scaled(mean, decision.probability, 1.0f / static_cast<float>(num_moves));
  }
  return mean;
}

}  // namespace ebm
