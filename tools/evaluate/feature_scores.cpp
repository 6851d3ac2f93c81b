#include "tools/evaluate/feature_scores.h"

#include <algorithm>
#include <cmath>

#include "core/precision.h"

namespace ebm {

namespace {

struct Answer {
  int64_t kind;
  double probability;
};

// The class that these logits give the largest probability.
Answer likeliest(std::span<const float> logits) {
  const auto best = std::max_element(logits.begin(), logits.end());
  double sum = 0;  // of probabilities, over the largest
  for (const float logit : logits) sum += std::exp(double{logit} - *best);
  return {best - logits.begin(), 1 / sum};
}

}  // namespace

FeatureNetwork::Values values_of(const FeatureNetwork& network, std::span<const uint8_t> levels, ImageShape image) {
  const PrecisionScope fp32(Precision::fp32);
  const auto per_image = static_cast<size_t>(image.elements());
  const int64_t n = static_cast<int64_t>(levels.size() / per_image);
  FeatureNetwork::Values all;
  for (int64_t first = 0; first < n; first += network.batch()) {
    const int64_t count = std::min(network.batch(), n - first);
    const auto [features, logits] = network.values(
        levels.subspan(static_cast<size_t>(first) * per_image, static_cast<size_t>(count) * per_image), image);
    all.features.insert(all.features.end(), features.begin(), features.end());
    all.logits.insert(all.logits.end(), logits.begin(), logits.end());
  }
  return all;
}

std::vector<int64_t> sure_classes_of(const FeatureNetwork& network, std::span<const uint8_t> levels, ImageShape image) {
  std::vector<int64_t> classes;
  const std::vector<float> logits = values_of(network, levels, image).logits;
  const auto row_size = static_cast<size_t>(network.classes());
  for (size_t row = 0; row < logits.size(); row += row_size) {
    const Answer answer = likeliest(std::span(logits).subspan(row, row_size));
    classes.push_back(answer.probability >= kSure ? answer.kind : -1);
  }
  return classes;
}

FeatureStatistics::FeatureStatistics(const FeatureNetwork& network, ImageShape image, const MetricSet& metrics,
                                     int64_t images)
    : network_(network),
      image_(image),
      metrics_(metrics),
      moments_(network.features()),
      class_counts_(static_cast<size_t>(network.classes())) {
  if (metrics.inception) inception_.emplace(images, network.classes());
}

void FeatureStatistics::add(std::span<const uint8_t> levels) { add(values_of(network_, levels, image_)); }

void FeatureStatistics::add(const FeatureNetwork::Values& values) {
  const auto& [features, logits] = values;
  if (metrics_.frechet) moments_.add(features);
  if (metrics_.kernel || metrics_.neighbours) features_.insert(features_.end(), features.begin(), features.end());
  if (inception_) inception_->add(logits);
  const auto row_size = static_cast<size_t>(network_.classes());
  for (size_t row = 0; row < logits.size(); row += row_size) {
    const Answer answer = likeliest(std::span(logits).subspan(row, row_size));
    ++class_counts_[static_cast<size_t>(answer.kind)];
    sure_ += answer.probability >= kSure;
  }
  count_ += static_cast<int64_t>(logits.size()) / network_.classes();
}

std::vector<double> FeatureStatistics::class_shares() const {
  std::vector<double> shares;
  for (const int64_t images : class_counts_)
    shares.push_back(static_cast<double>(images) / static_cast<double>(count_));
  return shares;
}

double FeatureStatistics::sure_share() const { return static_cast<double>(sure_) / static_cast<double>(count_); }

FeatureReference::FeatureReference(const FeatureStatistics& reference, const MetricSet& metrics)
    : reference_(reference), metrics_(metrics) {
  if (metrics.frechet) frechet_.emplace(reference.moments().gaussian());
  if (metrics.neighbours) neighbours_.emplace(reference.features(), reference.moments().dimension());
}

FeatureScores FeatureReference::score(const FeatureStatistics& samples) const {
  FeatureScores scores;
  if (frechet_) scores.frechet = frechet_->distance(samples.moments().gaussian());
  if (metrics_.kernel)
    scores.kernel = kernel_distance(reference_.features(), samples.features(), reference_.moments().dimension());
  if (metrics_.inception) scores.inception = samples.inception()->result();
  if (metrics_.classes) scores.class_shares = samples.class_shares();
  if (metrics_.sure) scores.sure = samples.sure_share();
  if (neighbours_) scores.neighbours = neighbours_->scores(samples.features());
  return scores;
}

}  // namespace ebm
