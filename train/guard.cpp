#include "train/guard.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "core/parse_number.h"

namespace ebm {
namespace {

constexpr int64_t kMeanIterations = 200;
constexpr int64_t kWarmUpIterations = 50;  // before, the mean says little
constexpr double kGrowth = 20, kGrowthMargin = 5;

// A kept state moves on to the next place at every so many keepings: with guard_every 50 the places
// hold states that are up to 50, 100, 300, 1,100 and 4,300 iterations old.
constexpr int64_t kStride[] = {1, 1, 4, 16, 64};
// Diverging again before so many keepings have passed: the trouble is older than the state that the
// run returned to.
constexpr int64_t kCalmKeepings = 10;

template <class T>
T read_number(const std::map<std::string, std::string>& metadata, const std::string& name) {
  const auto found = metadata.find(name);
  EBM_CHECK(found != metadata.end(), "checkpoint", "no \"" + name + "\" in its metadata",
            "a checkpoint of a training run");
  const std::optional<T> value = parse_number<T>(found->second);
  EBM_CHECK(value && *value >= 0, "checkpoint", name + " \"" + found->second + "\"", "a number, 0 or more");
  return *value;
}

// The place of the column that is judged so; nothing where the method has none.
std::optional<size_t> find_column(const Metrics& m, Judged judged) {
  for (size_t i = 0; i < m.columns->size(); ++i)
    if ((*m.columns)[i].options.judged == judged) return i;
  return std::nullopt;
}

// Two places hold the same state from the beginning on, and after a rollback.
bool same_state(const Trainer::Snapshot& a, const Trainer::Snapshot& b) {
  return a.iteration == b.iteration && a.slowed == b.slowed;
}

// "guard.state2.", before the names of what is kept in that place.
std::string kept_prefix(size_t place) { return fmt::format("guard.state{}.", place); }
// What a place's "is" says where the state is written elsewhere: with the checkpoint itself, or, a prefix, in the first
// place that holds it.
constexpr char kIsCheckpoint[] = "checkpoint";

}  // namespace

DivergenceGuard::DivergenceGuard(const Trainer& trainer) : settings_(trainer.settings().clone()) {
  EBM_CHECK(trainer.is_finite(), "training", "a state that is not finite", "finite weights to begin with");
  for (Kept& kept : kept_) trainer.save(kept.snapshot);
}

void DivergenceGuard::keep(const Trainer& trainer) {
  static_assert(std::size(kStride) == kStates);
  const int64_t keeping = trainer.iteration() / settings_->guard_every;
  for (size_t i = kStates - 1; i > 0; --i)
    if (keeping % kStride[i] == 0) std::swap(kept_[i], kept_[i - 1]);
  trainer.save(kept_[0].snapshot);
  kept_[0].gap = gap_;
}

size_t DivergenceGuard::state_before(int64_t diverged) const {
  const bool again = diverged_ > 0 && diverged <= diverged_ + kCalmKeepings * settings_->guard_every;
  size_t i = 1;
  while (again && i + 1 < kStates && kept_[i].snapshot.iteration >= returned_to_) ++i;
  return i;
}

std::string DivergenceGuard::judge(const Metrics& m) const {
  for (size_t i = 0; i < m.values.size(); ++i) {
    const ShownColumn& column = (*m.columns)[i];
    if (column.options.judged != Judged::not_at_all && !std::isfinite(m.values[i]))
      return fmt::format("{} is {}", column.name, m.values[i]);
    if (std::abs(m.values[i]) > column.options.most)
      return fmt::format("{} {:.4g}, beyond {:.4g}", column.name, m.values[i], column.options.most);
  }
  if (const auto column = find_column(m, Judged::gap)) {
    const double signed_gap = m.values[*column], gap = std::abs(signed_gap);
    if (settings_->guard_gap > 0) {
      if (gap > settings_->guard_gap)
        return fmt::format("energy gap {:.4g}, beyond {:.4g}", signed_gap, settings_->guard_gap);
    } else if (gap_.seen >= kWarmUpIterations && gap > kGrowth * gap_.mean + kGrowthMargin) {
      return fmt::format("energy gap {:.4g}, grown from a mean of {:.4g}", signed_gap, gap_.mean);
    }
  }
  if (const auto column = find_column(m, Judged::move)) {
    const auto dimensions = static_cast<double>((*m.columns)[*column].options.dimensions);
    const double move = m.values[*column] / std::sqrt(dimensions);
    if (settings_->guard_move > 0 && move > settings_->guard_move)
      return fmt::format("chains that move by {:.3g} per pixel, beyond {:.3g}", move, settings_->guard_move);
  }
  return "";
}

std::optional<DivergenceGuard::Rollback> DivergenceGuard::watch(Trainer& trainer, const Metrics& m) {
  std::string reason = judge(m);
  const bool keeps = m.iteration % settings_->guard_every == 0;
  // What is kept is looked at itself: a weight that is NaN need not show in the metrics, as cuDNN's fused
  // activations may make a number of it.
  if (reason.empty() && keeps && !trainer.is_finite()) reason = "a state that is not finite";
  if (reason.empty()) {
    gap_.seen = std::min(gap_.seen + 1, kMeanIterations);
    if (const auto column = find_column(m, Judged::gap))
      gap_.mean += (std::abs(m.values[*column]) - gap_.mean) / static_cast<double>(gap_.seen);
    if (keeps) keep(trainer);
    return std::nullopt;
  }

  Rollback result{reason, m.iteration, 0, trainer.slowed(), rollbacks_ >= settings_->guard_retries};
  const size_t state = state_before(m.iteration);
  trainer.restore(kept_[state].snapshot);
  gap_ = kept_[state].gap;
  result.to = kept_[state].snapshot.iteration;
  diverged_ = m.iteration;
  returned_to_ = result.to;
  for (size_t i = 0; i < state; ++i) {  // a past undone
    trainer.save(kept_[i].snapshot);
    kept_[i].gap = gap_;
  }
  if (!result.gave_up) {
    ++rollbacks_;
    result.slowed *= settings_->guard_lr_factor;
  }
  trainer.set_slowed(result.slowed);
  return result;
}

void DivergenceGuard::save(const Trainer& trainer, SafetensorsFile& file) const {
  const auto put = [&](const std::string& name, const auto& number) {
    file.metadata[name] = fmt::format("{}", number);  // shortest text that reads back to the same number
  };
  put("guard.rollbacks", rollbacks_);
  put("guard.gap_mean", gap_.mean);
  put("guard.gap_seen", gap_.seen);
  put("guard.diverged", diverged_);
  put("guard.returned_to", returned_to_);
  for (size_t i = 0; i < kStates; ++i) {
    const std::string prefix = kept_prefix(i);
    put(prefix + "gap_mean", kept_[i].gap.mean);
    put(prefix + "gap_seen", kept_[i].gap.seen);
    // a state of the iteration that the checkpoint is of is written with it, and the same state once
    size_t same = 0;
    while (same < i && !same_state(kept_[same].snapshot, kept_[i].snapshot)) ++same;
    if (kept_[i].snapshot.iteration == trainer.iteration())
      put(prefix + "is", kIsCheckpoint);
    else if (same < i)
      put(prefix + "is", kept_prefix(same));
    else
      trainer.write_snapshot(kept_[i].snapshot, prefix, file);
  }
}

void DivergenceGuard::load(const Trainer& trainer, const SafetensorsFile& file) {
  const auto& metadata = file.metadata;
  const auto read_gap = [&](const std::string& prefix) {
    return GapMean{read_number<double>(metadata, prefix + "gap_mean"),
                   read_number<int64_t>(metadata, prefix + "gap_seen")};
  };
  const auto rollbacks = read_number<int64_t>(metadata, "guard.rollbacks");
  const GapMean gap = read_gap("guard.");
  std::array<Kept, kStates> kept = kept_;  // the constructor's: the state that was loaded
  int64_t diverged = 0, returned_to = 0;
  for (Kept& k : kept) k.gap = gap;
  if (metadata.contains("guard.diverged")) {
    diverged = read_number<int64_t>(metadata, "guard.diverged");
    returned_to = read_number<int64_t>(metadata, "guard.returned_to");
    for (size_t i = 0; i < kStates; ++i) {
      const std::string prefix = kept_prefix(i);
      kept[i].gap = read_gap(prefix);
      const auto is = metadata.find(prefix + "is");
      const std::string& from = is == metadata.end() ? prefix : is->second;
      if (from != kIsCheckpoint) kept[i].snapshot = trainer.read_snapshot(file, from);
    }
  }
  rollbacks_ = rollbacks;
  gap_ = gap;
  diverged_ = diverged;
  returned_to_ = returned_to;
  kept_ = kept;
}

}  // namespace ebm
