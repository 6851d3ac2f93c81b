#include "tools/evaluate/detection.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

struct Scored {
  float score;
  bool positive;
};

// Both sets, the highest score first.
std::vector<Scored> ranked(const char* op, std::span<const float> positive, std::span<const float> negative) {
  EBM_CHECK(!positive.empty() && !negative.empty(), op,
            fmt::format("{} positives and {} negatives", positive.size(), negative.size()), "some of each");
  std::vector<Scored> all;
  for (const auto& [set, is_positive] : {std::pair{positive, true}, std::pair{negative, false}})
    for (const float score : set) {
      EBM_CHECK(!std::isnan(score), op, "a score that is NaN", "numbers");
      all.push_back({score, is_positive});
    }
  std::sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
  return all;
}

// Calls visit(positives, negatives) for each group of equal scores, from the highest down.
template <class Visit>
void for_each_tie(const std::vector<Scored>& all, const Visit& visit) {
  for (size_t first = 0, last = 0; first < all.size(); first = last) {
    double counts[2] = {0, 0};
    for (; last < all.size() && all[last].score == all[first].score; ++last) ++counts[all[last].positive];
    visit(counts[1], counts[0]);
  }
}

}  // namespace

double auroc(std::span<const float> positive, std::span<const float> negative) {
  double above = 0, pairs = 0;  // positives seen so far; pairs in the right order
  for_each_tie(ranked("auroc", positive, negative), [&](double positives, double negatives) {
    pairs += negatives * (above + 0.5 * positives);
    above += positives;
  });
  return pairs / (static_cast<double>(positive.size()) * static_cast<double>(negative.size()));
}

double average_precision(std::span<const float> positive, std::span<const float> negative) {
  double found = 0, taken = 0, sum = 0;
  for_each_tie(ranked("average_precision", positive, negative), [&](double positives, double negatives) {
    found += positives;
    taken += positives + negatives;
    sum += positives * found / taken;
  });
  return sum / static_cast<double>(positive.size());
}

}  // namespace ebm
