#include "tools/evaluate/envelope.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ebm {

std::vector<int64_t> stretches(int64_t rows, int64_t points) {
  const int64_t count = std::min(rows, points);
  std::vector<int64_t> boundaries{0};
  for (int64_t b = 1; b <= count; ++b) boundaries.push_back(b * rows / count);
  return boundaries;
}

Envelope envelope(std::span<const double> values, std::span<const int64_t> boundaries) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  Envelope result;
  for (size_t b = 0; b + 1 < boundaries.size(); ++b) {
    double least = kNone, greatest = kNone, sum = 0;
    int64_t count = 0;
    for (int64_t i = boundaries[b]; i < boundaries[b + 1]; ++i) {
      const double value = values[static_cast<size_t>(i)];
      if (!std::isfinite(value)) continue;
      least = count == 0 ? value : std::min(least, value);
      greatest = count == 0 ? value : std::max(greatest, value);
      sum += value;
      ++count;
    }
    result.least.push_back(least);
    result.greatest.push_back(greatest);
    result.mean.push_back(count == 0 ? kNone : sum / static_cast<double>(count));
  }
  return result;
}

}  // namespace ebm
