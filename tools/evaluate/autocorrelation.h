// Autocorrelation along Markov chains.
#pragma once

#include <span>
#include <vector>

#include "tools/evaluate/chain_draws.h"

namespace ebm {

// γ(t) = 1/n Σ_i (x_i − x̄)(x_{i+t} − x̄), t = 0 … n−1, by FFT.
std::vector<double> autocovariance(std::span<const double> chain);

// ρ(t), t = 0 … steps−1: the chains' autocovariances, each about its own mean, averaged over the chains and
// divided by the value at lag 0. NaN where no chain moves. Says nothing of chains that sit in different
// places.
std::vector<double> autocorrelation(const ChainDraws& draws);

// 1 + 2 Σ_{t≥1} ρ(t), the sum cut and smoothed as Geyer's initial monotone sequence (Practical Markov Chain
// Monte Carlo, 1992), of autocorrelations rho[0] = 1, rho[1], … As in Vehtari et al. (2021) the even lag of
// the first pair that is left out still counts where it is positive, which helps antithetic chains.
double initial_monotone_sum(std::span<const double> rho);

// The steps that make one independent draw: initial_monotone_sum of autocorrelation(draws). It is biased low
// when the chains are not many times longer than it: a chain that has seen one mode knows of no other.
double integrated_autocorrelation_time(const ChainDraws& draws);

}  // namespace ebm
