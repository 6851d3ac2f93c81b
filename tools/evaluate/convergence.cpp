#include "tools/evaluate/convergence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/evaluate/autocorrelation.h"
#include "tools/evaluate/normal_distribution.h"

namespace ebm {
namespace {

constexpr int64_t kLeastSteps = 8;

double mean(std::span<const double> x) {
  double shift = 0;  // from the first value, so that a chain that stands still has no variance by rounding
  for (const double value : x) shift += value - x[0];
  return x[0] + shift / static_cast<double>(x.size());
}

double variance(std::span<const double> x) {  // unbiased
  const double centre = mean(x);
  double squares = 0;
  for (const double value : x) squares += (value - centre) * (value - centre);
  return squares / static_cast<double>(x.size() - 1);
}

// W, the mean variance within chains, and ((n−1)/n)·W + B/n, an upper estimate of the variance of the target.
struct Variances {
  double within, pooled;
};

Variances variances(const ChainDraws& draws) {
  std::vector<double> means, within;
  for (int64_t c = 0; c < draws.chains; ++c) {
    means.push_back(mean(draws.chain(c)));
    within.push_back(variance(draws.chain(c)));
  }
  const double n = static_cast<double>(draws.steps), w = mean(within);
  return {w, (n - 1) / n * w + variance(means)};
}

// R-hat and effective sample size of chains that are split already.
double rhat(const ChainDraws& split) {
  const auto [within, pooled] = variances(split);
  return std::sqrt(pooled / within);
}

double sample_size(const ChainDraws& split) {
  const auto [within, pooled] = variances(split);
  std::vector<double> rho(static_cast<size_t>(split.steps));
  for (int64_t c = 0; c < split.chains; ++c) {
    const std::vector<double> gamma = autocovariance(split.chain(c));
    for (size_t t = 0; t < rho.size(); ++t) rho[t] += gamma[t] / static_cast<double>(split.chains);
  }
  for (double& value : rho) value = 1 - (within - value) / pooled;
  rho[0] = 1;
  const double draws = static_cast<double>(split.chains * split.steps);
  const double tau = initial_monotone_sum(rho);
  return std::isnan(tau) ? tau : draws / std::max(tau, 1 / std::log10(draws));
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  const size_t half = x.size() / 2;
  return x.size() % 2 ? x[half] : 0.5 * (x[half - 1] + x[half]);
}

ChainDraws checked_split(const char* op, const ChainDraws& draws) {
  check_draws(op, draws, kLeastSteps);
  return split_chains(draws);
}

bool all_equal(const std::vector<double>& x) {
  return std::all_of(x.begin(), x.end(), [&](double value) { return value == x[0]; });
}

}  // namespace

double split_rhat(const ChainDraws& draws) { return rhat(checked_split("split_rhat", draws)); }

ChainDraws rank_normalised(const ChainDraws& draws) {
  ChainDraws out = draws;
  const size_t count = draws.values.size();
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return draws.values[a] < draws.values[b]; });
  for (size_t first = 0, last = 0; first < count; first = last) {
    while (last < count && draws.values[order[last]] == draws.values[order[first]]) ++last;
    const double rank = 0.5 * static_cast<double>(first + 1 + last);  // mean of first+1 … last
    const double z = normal_quantile((rank - 0.375) / (static_cast<double>(count) + 0.25));
    for (size_t i = first; i < last; ++i) out.values[order[i]] = z;
  }
  return out;
}

double rank_normalised_rhat(const ChainDraws& draws) {
  const ChainDraws split = checked_split("rank_normalised_rhat", draws);
  if (all_equal(split.values)) return NAN;
  ChainDraws folded = split;
  const double centre = median(split.values);
  for (double& value : folded.values) value = std::abs(value - centre);
  const double bulk = rhat(rank_normalised(split));
  // of two values, one as often as the other, all distances are equal: they tell nothing
  return all_equal(folded.values) ? bulk : std::max(bulk, rhat(rank_normalised(folded)));
}

double effective_sample_size(const ChainDraws& draws) {
  return sample_size(checked_split("effective_sample_size", draws));
}

double bulk_effective_sample_size(const ChainDraws& draws) {
  return sample_size(rank_normalised(checked_split("bulk_effective_sample_size", draws)));
}

}  // namespace ebm
