#include "evaluate/feature_scores.h"

#include <algorithm>

#include "evaluate/frechet.h"
#include "evaluate/pixels.h"

namespace ebm {
namespace {
constexpr int64_t kBatch = 500;  // images that go through the network at once
}

FeatureStatistics::FeatureStatistics(const Classifier& classifier, const MetricSet& metrics, int64_t images)
    : classifier_(classifier), metrics_(metrics), moments_(classifier.config().features) {
  if (metrics.inception) inception_.emplace(images, classifier.config().classes);
}

void FeatureStatistics::add(std::span<const uint8_t> levels) {
  const ImageShape image = classifier_.config().image;
  const auto per_image = static_cast<size_t>(image.elements());
  const int64_t n = static_cast<int64_t>(levels.size() / per_image);
  for (int64_t first = 0; first < n; first += kBatch) {
    const int64_t count = std::min(kBatch, n - first);
    const std::vector<float> x = from_levels(
        levels.subspan(static_cast<size_t>(first) * per_image, static_cast<size_t>(count) * per_image));
    const Classifier::Output output = classifier_(
        Var(Tensor::from_host(x, {count, image.height, image.width, image.channels}, classifier_.device())));
    const std::vector<float> features = output.features.value().to_host();  // (count, F)
    if (metrics_.frechet) moments_.add(features);
    if (metrics_.kernel || metrics_.neighbours)
      features_.insert(features_.end(), features.begin(), features.end());
    if (inception_) inception_->add(output.logits.value().to_host());
  }
  count_ += n;
}

FeatureScores score(const FeatureStatistics& reference, const FeatureStatistics& samples,
                    const MetricSet& metrics) {
  const int64_t d = reference.moments().dimension();
  FeatureScores scores;
  if (metrics.frechet)
    scores.frechet = frechet_distance(reference.moments().gaussian(), samples.moments().gaussian());
  if (metrics.kernel) scores.kernel = kernel_distance(reference.features(), samples.features(), d);
  if (metrics.inception) scores.inception = samples.inception()->result();
  if (metrics.neighbours) scores.neighbours = neighbour_scores(reference.features(), samples.features(), d);
  return scores;
}

}  // namespace ebm
