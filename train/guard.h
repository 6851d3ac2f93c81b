// Watches a run for divergence and takes it back to its last good state.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "train/trainer.h"

namespace ebm {

class DivergenceGuard {
 public:
  // Takes the trainer's present state, which is held to be good, as the one to return to; throws Error if
  // it is not finite. Memory: kStates copies of the parameters and the optimiser's state, on the trainer's
  // device.
  explicit DivergenceGuard(const Trainer& trainer);

  struct Rollback {
    std::string reason;        // what was seen, as in "energy gap 53.1, beyond 20"
    int64_t from = 0, to = 0;  // iterations
    double slowed = 1;         // factor of the rates that the guard lowers, from now on
    bool gave_up = false;      // the retries are used up: the state is the last good one, its scale unchanged
  };

  // Judges one iteration, and every guard_every iterations the trainer's state too, which is kept then where both are
  // fine. Otherwise the trainer goes back, with its lowered rates lower still: to the second newest state, since what
  // diverges now was often on its way when the newest was kept; and if it diverged a little while ago too, to a state
  // older than the one it returned to then.
  std::optional<Rollback> watch(Trainer& trainer, const Metrics& metrics);

  // What makes these metrics those of a diverged run; empty for a good one.
  std::string judge(const Metrics& metrics) const;

  int64_t rollbacks() const { return rollbacks_; }

  // Counters and kept states to and from a checkpoint, beside the trainer's state: a resumed run goes back to the
  // states that it would have gone back to uninterrupted. From a checkpoint without kept states (of an earlier
  // version) only the counters are taken.
  void save(const Trainer& trainer, SafetensorsFile& file) const;
  void load(const Trainer& trainer, const SafetensorsFile& file);

 private:
  // Mean of |energy_gap| over about the last kMeanIterations, for runs without a fixed limit.
  struct GapMean {
    double mean = 0;
    int64_t seen = 0;
  };
  struct Kept {
    Trainer::Snapshot snapshot;
    GapMean gap;
  };

  void keep(const Trainer& trainer);
  // The index of the state to return to.
  size_t state_before(int64_t diverged) const;

  static constexpr size_t kStates = 5;

  const std::unique_ptr<const Settings> settings_;
  GapMean gap_;
  int64_t rollbacks_ = 0;
  int64_t diverged_ = 0, returned_to_ = 0;  // iterations of the last rollback; 0: none so far
  std::array<Kept, kStates> kept_;          // newest first, the later ones ever further apart
};

}  // namespace ebm
