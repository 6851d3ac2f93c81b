#include "evaluate/hmc.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "evaluate/langevin_sampler.h"
#include "kernels/elementwise.h"
#include "kernels/leapfrog.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"

namespace ebm {
namespace {

// H = U/T + ‖p‖²/2, (N). ‖p‖² is summed in fp32 by blocks: its error, 1e-7·D, is small beside 1.
std::vector<double> hamiltonian(const Tensor& u, const Tensor& p, double temperature) {
  const std::vector<float> potential = u.to_host();
  const std::vector<float> squares = sum_rows(unary(Unary::square, p)).to_host();
  std::vector<double> h(potential.size());
  for (size_t i = 0; i < h.size(); ++i) h[i] = potential[i] / temperature + 0.5 * squares[i];
  return h;
}

}  // namespace

HmcStep mala_step(const LangevinStep& step) {
  return {step.noise, 1, langevin_temperature(step), step.clamp};
}

HmcProposal hmc_propose(const EnergyFunction& energy, const ChainState& from, const HmcStep& step,
                        const RandomKey& key) {
  EBM_CHECK(step.step_size > 0 && step.leapfrog_steps >= 1 && step.temperature > 0, "hmc",
            fmt::format("step size {}, {} leapfrog steps, temperature {}", step.step_size,
                        step.leapfrog_steps, step.temperature),
            "all above 0");
  const auto epsilon = static_cast<float>(step.step_size), bound = static_cast<float>(step.bound);
  const auto half_kick = static_cast<float>(-0.5 * step.step_size / step.temperature);
  HmcProposal proposal{{from.x.clone(), from.energy}, {}};
  ChainState& to = proposal.state;
  Tensor p = Tensor::empty(from.x.shape(), from.x.device());  // (N, …)
  fill_normal(p, key, 0, 1);
  const std::vector<double> before = hamiltonian(from.energy.u, p, step.temperature);
  for (int64_t i = 0; i < step.leapfrog_steps; ++i) {
    add_scaled(p, to.energy.gradient, half_kick);
    leapfrog_position(to.x, p, epsilon, bound);
    to.energy = energy(to.x);
    add_scaled(p, to.energy.gradient, half_kick);
  }
  const std::vector<double> after = hamiltonian(to.energy.u, p, step.temperature);
  proposal.acceptance.resize(after.size());
  for (size_t i = 0; i < after.size(); ++i)
    proposal.acceptance[i] = std::isfinite(after[i]) ? std::min(1.0, std::exp(before[i] - after[i])) : 0.0;
  return proposal;
}

double hmc_move(const EnergyFunction& energy, ChainState& state, const HmcStep& step, const RandomKey& key) {
  const HmcProposal proposal = hmc_propose(energy, state, step, key);
  RandomKey decision = key;
  decision.stream = Stream::acceptance;
  std::vector<float> accepted(proposal.acceptance.size());
  double sum = 0;
  for (size_t i = 0; i < accepted.size(); ++i) {
    accepted[i] = uniform1(decision, i) < proposal.acceptance[i] ? 1.0f : 0.0f;
    sum += proposal.acceptance[i];
  }
  const Tensor choose =
      Tensor::from_host(accepted, {static_cast<int64_t>(accepted.size())}, state.x.device());
  replace_rows(state.x, proposal.state.x, choose);
  // not in the place of the old values: an energy function may hand out tensors that it keeps
  state.energy = {state.energy.u.clone(), state.energy.gradient.clone()};
  replace_rows(state.energy.u, proposal.state.energy.u, choose);
  replace_rows(state.energy.gradient, proposal.state.energy.gradient, choose);
  return sum / static_cast<double>(accepted.size());
}

}  // namespace ebm
