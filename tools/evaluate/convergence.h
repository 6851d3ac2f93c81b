// Do several Markov chains agree with each other, and how many independent draws are they worth?
// Formulas: Vehtari, Gelman, Simpson, Carpenter, Bürkner, "Rank-normalization, folding, and localization: an
// improved R-hat", Bayesian Analysis 16 (2021), as Stan computes them. All in fp64; all throw Error for
// values that are not finite and for fewer than 8 steps, and give NaN where no chain moves.
#pragma once

#include "tools/evaluate/chain_draws.h"

namespace ebm {

// sqrt(((n−1)/n·W + B/n)/W) of the split chains, n being their length, W the mean of their variances and B/n
// the variance of their means. 1 when the chains agree; infinite where none moves and they sit in different
// places.
double split_rhat(const ChainDraws& draws);

// The larger of split R-hat of the rank-normalised draws and of the rank-normalised distances to the median
// ("folded", sees chains of different spread). Finite for heavy tails too. Above 1.01 the chains do not
// agree.
double rank_normalised_rhat(const ChainDraws& draws);

// Effective sample size for the mean: chains·steps/τ of the split chains, τ = 1 + 2Σρ by Geyer's initial
// monotone sequence, ρ(t) = 1 − (W − mean_c γ_c(t))/(((n−1)/n)·W + B/n): draws of chains that disagree count
// little.
double effective_sample_size(const ChainDraws& draws);

// The same of the rank-normalised draws ("bulk ESS").
double bulk_effective_sample_size(const ChainDraws& draws);

// Φ⁻¹((r − 3/8)/(S + 1/4)), r being a draw's rank among all S draws of all chains; ties share their mean
// rank.
ChainDraws rank_normalised(const ChainDraws& draws);

}  // namespace ebm
