// How well a score tells two sets apart, by every threshold at once.
#pragma once

#include <span>

namespace ebm {

// The probability that a positive scores higher than a negative, ties counting half: the area under the
// receiver operating characteristic. 0.5: the score tells nothing. Throws Error for an empty set or a score
// that is NaN.
double auroc(std::span<const float> positive, std::span<const float> negative);

// Average precision: Σ (R_k − R_{k−1})·P_k over the distinct scores from the highest down, R and P being
// recall and precision of "score ≥ threshold is positive". Equal scores pass a threshold together. Depends on
// how many of each there are: a score that tells nothing gives the share of positives.
double average_precision(std::span<const float> positive, std::span<const float> negative);

}  // namespace ebm
