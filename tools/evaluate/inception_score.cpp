#include "tools/evaluate/inception_score.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/check.h"

namespace ebm {
namespace {
constexpr char kOp[] = "inception_score";
}

InceptionScore::InceptionScore(int64_t images, int64_t classes, int splits)
    : images_(images), classes_(classes), per_split_(images / splits), splits_(static_cast<size_t>(splits)) {
  EBM_CHECK(per_split_ > 0, kOp, std::to_string(images) + " images",
            "at least " + std::to_string(splits) + ", one for each split");
  for (Split& split : splits_) split.probabilities.resize(static_cast<size_t>(classes));
}

void InceptionScore::add(std::span<const float> logits) {
  const size_t classes = static_cast<size_t>(classes_);
  for (size_t first = 0; first < logits.size(); first += classes, ++added_) {
    const auto row = logits.subspan(first, classes);
    const auto index = static_cast<size_t>(added_ / per_split_);
    if (index >= splits_.size()) continue;
    const double largest = *std::max_element(row.begin(), row.end());
    double total = 0;
    for (const float logit : row) total += std::exp(logit - largest);
    const double log_total = std::log(total) + largest;
    Split& split = splits_[index];
    for (size_t y = 0; y < classes; ++y) {
      const double log_p = row[y] - log_total, p_y = std::exp(log_p);
      EBM_CHECK(std::isfinite(log_p), kOp, "logit " + std::to_string(row[y]), "finite logits");
      split.negative_entropy += p_y * log_p;
      split.probabilities[y] += p_y;
    }
  }
}

InceptionScore::Result InceptionScore::result() const {
  EBM_CHECK(added_ == images_, kOp, std::to_string(added_) + " images", std::to_string(images_));
  const double n = static_cast<double>(per_split_), k = static_cast<double>(splits_.size());
  double sum = 0, sum_squares = 0;
  for (const Split& split : splits_) {
    double kl = split.negative_entropy / n;
    for (const double total : split.probabilities) {
      const double p = total / n;  // p(y)
      if (p > 0) kl -= p * std::log(p);
    }
    const double score = std::exp(kl);
    sum += score;
    sum_squares += score * score;
  }
  const double mean = sum / k;
  return {mean, std::sqrt(std::max(0.0, sum_squares / k - mean * mean)), static_cast<int>(splits_.size())};
}

}  // namespace ebm
