#include "tools/evaluate/image_watch.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "tools/evaluate/pixels.h"

namespace ebm {

ImageWatch::ImageWatch(const Plan& plan, ImageShape image, std::function<Tensor(const Tensor&)> shown,
                       std::function<Tensor(const Tensor&)> tilt, const FeatureNetwork* classifier)
    : plan_(plan), image_(image), shown_(std::move(shown)), tilt_(std::move(tilt)), classifier_(classifier) {
  if (classifier_) visits_.resize(static_cast<size_t>(plan.chains * classifier_->classes()));
}

Observed ImageWatch::observed() {
  Observed o;
  if (tilt_) o.names.push_back("f");
  for (int64_t i = 1; i <= plan_.projections; ++i) o.names.push_back(fmt::format("x projection {}", i));
  if (classifier_)
    for (int64_t k = 0; k < classifier_->classes(); ++k) o.names.push_back(fmt::format("logit {}", k));
  o.values = [this](const Tensor& state) { return look(state); };
  return o;
}

std::vector<float> ImageWatch::look(const Tensor& state) {
  const Tensor x = shown_(state);  // (N, H, W, C)
  const auto n = static_cast<size_t>(plan_.chains);
  std::vector<std::vector<float>> parts;  // each (N, ·)
  if (tilt_) parts.push_back(tilt_(x).to_host());
  if (plan_.projections > 0) {
    if (projections_.names.empty())
      projections_ = projections(plan_.projections, {plan_.chains, image_.elements()}, plan_.seed + 1, x.device());
    parts.push_back(projections_.values(x));
  }
  if (classifier_) {
    parts.push_back(classifier_->values(to_levels(x, "a chain's image", 0), image_).logits);
    const auto classes = static_cast<size_t>(classifier_->classes());
    for (size_t c = 0; c < n; ++c) {
      const auto first = parts.back().begin() + static_cast<std::ptrdiff_t>(c * classes);
      const auto most = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
      ++visits_[c * classes + static_cast<size_t>(most - first)];
    }
  }
  if (looked_ * plan_.frames / plan_.steps != (looked_ + 1) * plan_.frames / plan_.steps) {
    const std::vector<float> first = x.view(0, {1, image_.elements()}).to_host();
    film_.insert(film_.end(), first.begin(), first.end());
  }
  ++looked_;

  std::vector<float> rows;
  for (size_t c = 0; c < n; ++c)
    for (const std::vector<float>& part : parts) {
      const auto count = static_cast<std::ptrdiff_t>(part.size() / n), first = static_cast<std::ptrdiff_t>(c) * count;
      rows.insert(rows.end(), part.begin() + first, part.begin() + first + count);
    }
  return rows;
}

std::vector<int64_t> ImageWatch::classes_visited() const {
  std::vector<int64_t> visited;
  if (!classifier_) return visited;
  for (auto first = visits_.begin(); first != visits_.end(); first += classifier_->classes())
    visited.push_back(std::count_if(first, first + classifier_->classes(), [](int64_t times) { return times > 0; }));
  return visited;
}

std::vector<double> ImageWatch::class_shares() const {
  if (!classifier_) return {};
  const auto classes = static_cast<size_t>(classifier_->classes());
  std::vector<double> shares(classes);
  for (size_t i = 0; i < visits_.size(); ++i)
    shares[i % classes] += static_cast<double>(visits_[i]) / static_cast<double>(plan_.chains * looked_);
  return shares;
}

}  // namespace ebm
