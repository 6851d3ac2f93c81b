// Annealed importance sampling (Neal, Statistics and Computing 11, 2001): log Z of exp(−U) by chains that are
// led from a base distribution of known Z_0 through exp(−(1 − β) U_0 − β U), 0 = β_0 < … < β_K = 1, with HMC
// moves at each β.
//
// A forward chain starts from an exact draw of the base. Its weight has the mean Z/Z_0, so by Jensen the mean
// of its logarithm is a lower bound of log Z in expectation. A reverse chain starts from an exact draw of the
// target and walks the same path back; its weight has the mean Z_0/Z and gives an upper bound (bidirectional
// Monte Carlo: Grosse, Ghahramani, Adams, 2015). From a start that only resembles the target it gives a
// number and no bound.
#pragma once

#include <functional>

#include "tools/evaluate/diagonal_gaussian.h"

namespace ebm {

// The path: made by a pilot run and then fixed, since a step that adapts to its own chain would spoil the
// weights.
struct AnnealingSchedule {
  std::vector<double> beta;       // 0 … 1, K + 1
  std::vector<double> step_size;  // of the HMC moves at each beta
  int64_t leapfrog_steps = 1;     // 1: MALA
  double length = 0;  // ∫ sd_β(U_0 − U) dβ: the bounds fall short by length²/(2K) nats at best, when a
                      // move makes an independent draw
};

// Is told how far the work is: a share of "the pilot run" (beta), "the forward chains" or "the reverse chains".
using AnnealingProgress = std::function<void(const char* what, double share)>;

struct AnnealingPlan {
  int64_t chains = 32;
  int64_t steps = 1000;  // K
  int64_t leapfrog_steps = 5;
  uint64_t seed = 1;
  int64_t together = 0;          // chains, one after the other, that have one target; 0: all have
  AnnealingProgress progress{};  // may be empty
};

// Leads chains up the path in steps of half a standard deviation of the log weight, learns HMC's step size at
// each beta (an acceptance rate of 0.65), and lays plan.steps betas at equal distances along the path. Throws
// Error where the path does not end within kMostPilotSteps.
inline constexpr int64_t kMostPilotSteps = 20'000;
AnnealingSchedule annealing_schedule(const DiagonalGaussian& base, const Potential& target, const AnnealingPlan& plan);

struct AnnealingEstimate {
  std::vector<double> log_z;  // of each chain: log Z_0 + log w, or log Z_0 − log w of a reverse chain
  double mean = 0;            // forward: lower, reverse: upper bound of log Z in expectation
  double standard_error = 0;  // of that mean
  double combined = 0;        // log Z_0 ± log mean w: nearer, a bound in expectation of the same kind
  double acceptance = 0;      // of the moves
  Tensor x;                   // (N, …), where the chains ended
};
AnnealingEstimate anneal_forward(const DiagonalGaussian& base, const Potential& target,
                                 const AnnealingSchedule& schedule, int64_t chains, uint64_t seed,
                                 const AnnealingProgress& progress = {});
// `start` (N, …): draws of the target.
AnnealingEstimate anneal_reverse(const DiagonalGaussian& base, const Potential& target,
                                 const AnnealingSchedule& schedule, const Tensor& start, uint64_t seed,
                                 const AnnealingProgress& progress = {});

// U/T, the energy of exp(−U/T).
Potential at_temperature(Potential energy, double temperature);

}  // namespace ebm
