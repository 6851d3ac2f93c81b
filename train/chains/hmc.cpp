#include "train/chains/hmc.h"

#include <algorithm>
#include <cmath>

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

std::vector<double> hamiltonians(const Tensor& u, const Tensor& p, double temperature) {
  const std::vector<float> potential = u.to_host();
  const std::vector<float> squares = squared(p).to_host();
  std::vector<double> h(potential.size());
  for (size_t i = 0; i < h.size(); ++i) h[i] = hamiltonian(potential[i], squares[i], temperature);
  return h;
}

void check_step(const HmcStep& step) {
  EBM_CHECK((step.step_size > 0 || step.adapting.at) && step.leapfrog_steps >= 1 && step.temperature > 0, "hmc",
            fmt::format("step size {}, {} leapfrog steps, temperature {}", step.step_size, step.leapfrog_steps,
                        step.temperature),
            "all above 0");
}

// The trajectory from `state` with momenta p, in place.
void leapfrog(const Potential& energy, ChainState& state, Tensor& p, const HmcStep& step) {
  const Scalar epsilon = step.adapting.at ? step.adapting : Scalar(static_cast<float>(step.step_size));
  const auto half = static_cast<float>(0.5 / step.temperature);
  for (int64_t i = 0; i < step.leapfrog_steps; ++i) {
    leapfrog_kick(p, state.energy.gradient, epsilon, half);
    leapfrog_position(state.x, p, epsilon, static_cast<float>(step.bound));
    state.energy = energy(state.x);
    leapfrog_kick(p, state.energy.gradient, epsilon, half);
  }
}

Tensor momenta(const Tensor& x, const RandomKey& key, int64_t first_chain = 0) {
  Tensor p = Tensor::empty(x.shape(), x.device());  // (N, …)
  fill_normal(p, key, 0, 1.0f, static_cast<uint64_t>(first_chain * (x.size() / x.extent(0))));
  return p;
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

HmcProposal hmc_propose(const Potential& energy, const ChainState& from, const HmcStep& step, const RandomKey& key) {
  check_step(step);
  HmcProposal proposal{{from.x.clone(), from.energy}, {}};
  ChainState& to = proposal.state;
  Tensor p = momenta(from.x, key);
  const std::vector<double> before = hamiltonians(from.energy.u, p, step.temperature);
  leapfrog(energy, to, p, step);
  const std::vector<double> after = hamiltonians(to.energy.u, p, step.temperature);
  for (size_t i = 0; i < after.size(); ++i) proposal.acceptance.push_back(acceptance(before[i], after[i]));
  return proposal;
}

double hmc_move(const Potential& energy, ChainState& state, const HmcStep& step, const RandomKey& key) {
  const HmcProposal proposal = hmc_propose(energy, state, step, key);
  RandomKey decision = key;
  decision.stream = Stream::acceptance;
  std::vector<float> accepted(proposal.acceptance.size());
  double sum = 0;
  for (size_t i = 0; i < accepted.size(); ++i) {
    accepted[i] = uniform1(decision, i) < proposal.acceptance[i] ? 1.0f : 0.0f;
    sum += proposal.acceptance[i];
  }
  accept(state, proposal.state, Tensor::from_host(accepted, {static_cast<int64_t>(accepted.size())}, state.x.device()));
  return sum / static_cast<double>(accepted.size());
}

Tensor hmc_chain(const Potential& energy, Tensor& x, int64_t num_moves, const HmcStep& step, const RandomKey& key,
                 int64_t first_move, int64_t first_chain) {
  check_step(step);
  EBM_CHECK(num_moves >= 1, "hmc", fmt::format("{} moves", num_moves), "one or more");
  ChainState state{x, energy(x)};
  Tensor mean = Tensor::zeros({x.extent(0)}, x.device());
  for (int64_t i = 0; i < num_moves; ++i) {
    RandomKey move = key;
    move.step = static_cast<uint32_t>(first_move + i);
    ChainState proposal{state.x.clone(), state.energy};
    Tensor p = momenta(x, move, first_chain);
    const Tensor before = squared(p);
    leapfrog(energy, proposal, p, step);
    move.stream = Stream::acceptance;
    const MetropolisDecision decision = metropolis(state.energy.u, before, proposal.energy.u, squared(p),
                                                   step.temperature, move, static_cast<uint64_t>(first_chain));
    accept(state, proposal, decision.accepted);
    add_scaled(mean, decision.probability, 1.0f / static_cast<float>(num_moves));
  }
  return mean;
}

}  // namespace ebm
