// Do a run's chains mix? Long chains of its own step, a Langevin step or a move of Hamiltonian Monte Carlo, from its own starts,
// watched all the way.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "kernels/chain/langevin.h"
#include "tools/evaluate/chain_draws.h"
#include "train/chains/hmc.h"

namespace ebm {

using ChainStep = std::variant<LangevinStep, HmcStep>;

// Numbers that are read from the chains' states after each step past the warm-up.
struct Observed {
  std::vector<std::string> names;
  std::function<std::vector<float>(const Tensor& state)> values;  // (N, names.size()) from (N, …)
};

// "projection 1" …: states (N, D in all), flat, along `count` random unit vectors.
Observed projections(int64_t count, const Shape& flat, uint64_t seed, Device device);

struct DiagnosisPlan {
  int64_t steps = 2000;
  int64_t warmup = 1000;           // first steps that R-hat and its kin leave out
  int64_t projections = 8;         // random directions x is looked at along
  int64_t mala_moves = 50;         // of each MALA chain; the second half gives the acceptance rate
  std::vector<int64_t> snapshots;  // lengths, ascending, at which the chains' x are kept
  uint64_t seed = 1;
  std::vector<Observed> observed{};  // beside U and the projections
};

// Of one quantity, over the steps after the warm-up (tools/evaluate/convergence.h). NaN where no chain moves.
struct SeriesDiagnosis {
  std::string name;  // "U", "projection 1" …
  double split_rhat, rank_rhat;
  double ess, bulk_ess;         // of chains · (steps − warmup) draws
  double autocorrelation_time;  // steps, within the chains
};

struct Diagnosis {
  int64_t chains = 0;
  DiagnosisPlan plan;
  ChainStep step;
  int64_t gradients = 1;                // of U, that a step takes
  double seconds = 0;                   // for the steps after the warm-up, without what watches them
  double accepted = 1;                  // mean acceptance probability of these; 1 of Langevin steps
  std::vector<SeriesDiagnosis> series;  // U first, then projections, then what else was observed
  ChainDraws energy;                    // U along the chains, (chains, steps + 1): step 0 is the start
  // Means over the chains at steps 0 … steps:
  std::vector<double> u, u_sd;    // U and its standard deviation over the chains
  std::vector<double> norm;       // ‖x‖
  std::vector<double> distance;   // ‖x − x_0‖
  std::vector<Tensor> snapshots;  // (N, …) at plan.snapshots
  double on_clamp = 0;            // share of x's values on the clamp after the last step

  // Acceptance rates of MALA chains (train/chains/hmc.h) that go on from the chains' ends: at the run's step size
  // first, then at noise/2^k and the same temperature, until one accepts kGoodAcceptance. The unadjusted
  // chain takes every step; it is near exp(−U/T) where MALA would take most of them. (Rates along the
  // unadjusted chain would tell less: on a Gaussian they stay near a half however large the step.) Empty, and
  // temperature 0, where a step has no noise.
  struct Acceptance {
    double step_size, rate;
  };
  double temperature = 0;
  std::vector<Acceptance> mala;
  static constexpr double kGoodAcceptance = 0.574;  // MALA's best rate in high dimension (Roberts, Rosenthal 1998)
};

// Runs the chains from `start` (N, …). Throws Error where U is not finite, and for a plan without at least 8
// steps after the warm-up. `stepped` hears how many steps are done.
Diagnosis diagnose(const Potential& energy, const Tensor& start, const ChainStep& step, const DiagnosisPlan& plan,
                   const std::function<void(int64_t)>& stepped = {});

// A step size of which `acceptance` of the moves from `start` (N, …) are accepted, by trial over `moves` of them.
double tuned_step_size(const Potential& energy, const Tensor& start, HmcStep step, double acceptance, int64_t moves,
                       uint64_t seed);

// A few lines that say what the numbers mean. `run_length`: the steps that the run's own chains take.
std::vector<std::string> in_words(const Diagnosis& diagnosis, int64_t run_length);

}  // namespace ebm
