#include "tools/evaluate/chain_quality.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/evaluate/evaluation.h"
#include "tools/evaluate/pixels.h"
#include "tools/evaluate/reference_images.h"

namespace ebm {
namespace {

constexpr int64_t kSteps = 50;  // between two words of progress

}  // namespace

ChainQuality chain_quality(Trainer& trainer, const FeatureNetwork& network, const Dataset& images,
                           const ChainQualityPlan& plan, const std::function<void(int64_t)>& progress) {
  EBM_CHECK(plan.n >= kFewestImages && 2 * plan.n <= images.count(), "--quality", fmt::format("{} chains", plan.n),
            fmt::format("{} to {}, half of the images of {}", kFewestImages, images.count() / 2, images.name));
  constexpr MetricSet kMetrics{.frechet = true, .kernel = true};
  const auto statistics = [&](const std::vector<uint8_t>& levels) {
    FeatureStatistics set(network, images.images.shape(), kMetrics, plan.n);
    set.add(levels);
    return set;
  };
  const FeatureStatistics reference = statistics(reference_images(images, 0, plan.n));
  const FeatureReference judge(reference, kMetrics);
  const auto score = [&](const std::vector<uint8_t>& levels) {
    const FeatureScores scores = judge.score(statistics(levels));
    return ChainQuality::Score{*scores.frechet, *scores.kernel};
  };

  ChainQuality quality{plan, {}, {}};
  quality.real = score(reference_images(images, plan.n, plan.n));
  const RandomKey key{plan.seed, Stream::sample, 0, 0};
  Tensor state = trainer.abilities().start(plan.n, key);  // (n, …)
  int64_t done = 0;
  for (const int64_t length : plan.lengths) {
    while (done < length) {
      const int64_t steps = std::min(kSteps, length - done);
      trainer.revise(state, key, steps, plan.noise_scale, done);
      done += steps;
      if (progress) progress(done);
    }
    quality.at.push_back(score(to_levels(trainer.abilities().shown(state), "sample", 0)));
  }
  return quality;
}

std::string in_words(const ChainQuality& quality, int64_t run_length) {
  const std::vector<int64_t>& lengths = quality.plan.lengths;
  const auto by_distance = [](const ChainQuality::Score& a, const ChainQuality::Score& b) {
    return a.frechet < b.frechet;
  };
  const ChainQuality::Score& best = *std::min_element(quality.at.begin(), quality.at.end(), by_distance);
  const auto at = [&](const ChainQuality::Score& score) {
    const int64_t length = lengths[static_cast<size_t>(&score - quality.at.data())];
    // so few chains cannot tell smaller differences
    const char* like = &score != &best && score.frechet < 1.05 * best.frechet ? ", as good" : "";
    return fmt::format("{:.4g} after {} steps{}{}", score.frechet, length,
                       length == run_length ? ", the run's own" : "", like);
  };
  std::string line =
      fmt::format("FD-cls of {} chains, which compares lengths and nothing else: least {}", quality.plan.n, at(best));
  for (const ChainQuality::Score& score : quality.at) {
    const bool is_own = lengths[static_cast<size_t>(&score - quality.at.data())] == run_length;
    if (&score != &best && (is_own || &score == &quality.at.back())) line += "; " + at(score);
  }
  return line;
}

}  // namespace ebm
