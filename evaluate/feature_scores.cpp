#include "evaluate/feature_scores.h"

#include <algorithm>

#include "evaluate/frechet.h"
#include "evaluate/pixels.h"

namespace ebm {
namespace {
constexpr int64_t kBatch = 500;  // images that go through the network at once
}

FeatureStatistics::FeatureStatistics(const Classifier& classifier, const MetricSet& metrics, int64_t images)
    : classifier_(classifier), metrics_(metrics), moments_(classifier.config().features),
      class_counts_(static_cast<size_t>(classifier.config().classes)) {
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
    const std::vector<float> logits = output.logits.value().to_host();  // (count, classes)
    if (inception_) inception_->add(logits);
    for (auto row = logits.begin(); row != logits.end(); row += classifier_.config().classes)
      ++class_counts_[std::max_element(row, row + classifier_.config().classes) - row];
  }
  count_ += n;
}

std::vector<double> FeatureStatistics::class_shares() const {
  std::vector<double> shares;
  for (const int64_t images : class_counts_) shares.push_back(static_cast<double>(images) / static_cast<double>(count_));
  return shares;
}

FeatureScores score(const FeatureStatistics& reference, const FeatureStatistics& samples,
                    const MetricSet& metrics) {
  const int64_t d = reference.moments().dimension();
  FeatureScores scores;
  if (metrics.frechet)
    scores.frechet = frechet_distance(reference.moments().gaussian(), samples.moments().gaussian());
  if (metrics.kernel) scores.kernel = kernel_distance(reference.features(), samples.features(), d);
  if (metrics.inception) scores.inception = samples.inception()->result();
  if (metrics.classes) scores.class_shares = samples.class_shares();
  if (metrics.neighbours) scores.neighbours = neighbour_scores(reference.features(), samples.features(), d);
  return scores;
}

}  // namespace ebm
