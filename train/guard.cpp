#include "train/guard.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "train/metrics_log.h"

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
  const std::string& text = found->second;
  T value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  EBM_CHECK(result.ec == std::errc() && result.ptr == text.data() + text.size() && value >= 0,
            "checkpoint", name + " \"" + text + "\"", "a number, 0 or more");
  return value;
}

}  // namespace

DivergenceGuard::DivergenceGuard(const Trainer& trainer)
    : settings_(trainer.settings()),
      pixels_(static_cast<double>(trainer.generator().image().elements())) {
  EBM_CHECK(trainer.is_finite(), "training", "a state that is not finite", "finite weights to begin with");
  for (Kept& kept : kept_) trainer.save(kept.snapshot);
}

void DivergenceGuard::keep(const Trainer& trainer) {
  static_assert(std::size(kStride) == kStates);
  const int64_t keeping = trainer.iteration() / settings_.guard_every;
  for (size_t i = kStates - 1; i > 0; --i)
    if (keeping % kStride[i] == 0) std::swap(kept_[i], kept_[i - 1]);
  trainer.save(kept_[0].snapshot);
  kept_[0].gap = gap_;
}

size_t DivergenceGuard::state_before(int64_t diverged) const {
  const bool again =
      diverged_ > 0 && diverged <= diverged_ + kCalmKeepings * settings_.guard_every;
  size_t i = 1;
  while (again && i + 1 < kStates && kept_[i].snapshot.iteration >= returned_to_) ++i;
  return i;
}

std::string DivergenceGuard::judge(const Metrics& m) const {
  for (const MetricField& field : metric_fields()) {
    const double value = field.value(m);
    if (!field.is_time && !std::isfinite(value)) return fmt::format("{} is {}", field.name, value);
  }
  const double gap = std::abs(m.energy_gap);
  if (settings_.guard_gap > 0) {
    if (gap > settings_.guard_gap)
      return fmt::format("energy gap {:.4g}, beyond {:.4g}", m.energy_gap, settings_.guard_gap);
  } else if (gap_.seen >= kWarmUpIterations && gap > kGrowth * gap_.mean + kGrowthMargin) {
    return fmt::format("energy gap {:.4g}, grown from a mean of {:.4g}", m.energy_gap, gap_.mean);
  }
  const double move = m.revision / std::sqrt(pixels_);
  if (settings_.guard_move > 0 && move > settings_.guard_move)
    return fmt::format("chains that move by {:.3g} per pixel, beyond {:.3g}", move,
                       settings_.guard_move);
  return "";
}

std::optional<DivergenceGuard::Rollback> DivergenceGuard::watch(Trainer& trainer,
                                                                const Metrics& m) {
  std::string reason = judge(m);
  const bool keeps = m.iteration % settings_.guard_every == 0;
  // What is kept is looked at itself: a weight that is NaN need not show in the metrics, as cuDNN's fused
  // activations may make a number of it.
  if (reason.empty() && keeps && !trainer.is_finite()) reason = "a state that is not finite";
  if (reason.empty()) {
    gap_.seen = std::min(gap_.seen + 1, kMeanIterations);
    gap_.mean += (std::abs(m.energy_gap) - gap_.mean) / static_cast<double>(gap_.seen);
    if (keeps) keep(trainer);
    return std::nullopt;
  }

  Rollback result{reason, m.iteration, 0, trainer.energy_lr_scale(),
                  rollbacks_ >= settings_.guard_retries};
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
    result.energy_lr_scale *= settings_.guard_lr_factor;
  }
  trainer.set_energy_lr_scale(result.energy_lr_scale);
  return result;
}

void DivergenceGuard::save(std::map<std::string, std::string>& metadata) const {
  metadata["guard.rollbacks"] = std::to_string(rollbacks_);
  metadata["guard.gap_mean"] =
      fmt::format("{}", gap_.mean);  // shortest text that reads back to the same number
  metadata["guard.gap_seen"] = std::to_string(gap_.seen);
}

void DivergenceGuard::load(const std::map<std::string, std::string>& metadata) {
  const auto rollbacks = read_number<int64_t>(metadata, "guard.rollbacks");
  const GapMean gap{read_number<double>(metadata, "guard.gap_mean"),
                    read_number<int64_t>(metadata, "guard.gap_seen")};
  rollbacks_ = rollbacks;
  gap_ = gap;
  for (Kept& kept : kept_) kept.gap = gap;
}

}  // namespace ebm
