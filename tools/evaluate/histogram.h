// Histograms of several sets of numbers over one range, as picture and as text.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/files/image_grid.h"

namespace ebm {

struct Histogram {
  double low = 0, high = 0;                 // of the range; its bins are of equal width
  std::vector<std::vector<double>> shares;  // (sets, bins): share of the set's values in each bin
};

// The range reaches from the smallest to the largest value of all sets. Throws Error for an empty set and for
// values that are not finite.
Histogram histogram(const std::vector<std::vector<float>>& sets, int64_t bins);

// One panel under the other, in the order of the sets, each scaled to its own highest bin: white bars, with
// the first set's outline in grey in all others. No letters: who shows it says which panel is which.
Picture picture(const Histogram& histogram);

// One set as a line of block characters, as in "▁▂▅█▃".
std::string line_of(const Histogram& histogram, size_t set);

}  // namespace ebm
