// Long curves drawn with few points: the least, the greatest and the mean of each stretch. No peak is lost.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ebm {

// Stretch b of `points` covers the rows [boundaries[b], boundaries[b + 1]); all stretches are of one length, to a
// row. Fewer than `points` where there are fewer rows.
std::vector<int64_t> stretches(int64_t rows, int64_t points);

// One value per stretch; of its finite values only, and NaN where it has none.
struct Envelope {
  std::vector<double> least, greatest, mean;
};
Envelope envelope(std::span<const double> values, std::span<const int64_t> boundaries);

}  // namespace ebm
