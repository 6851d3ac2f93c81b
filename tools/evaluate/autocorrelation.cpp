#include "tools/evaluate/autocorrelation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

namespace ebm {
namespace {

using Complex = std::complex<double>;

// In place, radix 2: a_k ← Σ_j a_j exp(−2πi jk/n); n is a power of two.
void fourier_transform(std::vector<Complex>& a) {
  const size_t n = a.size();
  for (size_t i = 1, j = 0; i < n; ++i) {  // bit-reversed order
    size_t bit = n / 2;
    for (; j & bit; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(a[i], a[j]);
  }
  for (size_t half = 1; half < n; half *= 2) {
    std::vector<Complex> root(half);
    for (size_t k = 0; k < half; ++k)
      root[k] = std::polar(1.0, -std::numbers::pi * static_cast<double>(k) / static_cast<double>(half));
    for (size_t first = 0; first < n; first += 2 * half)
      for (size_t k = 0; k < half; ++k) {
        // the product by hand: the operator's also looks after infinities, at several times the cost
        const Complex even = a[first + k], b = a[first + half + k], r = root[k];
        const Complex odd{r.real() * b.real() - r.imag() * b.imag(), r.real() * b.imag() + r.imag() * b.real()};
        a[first + k] = even + odd;
        a[first + half + k] = even - odd;
      }
  }
}

}  // namespace

// The power spectrum's transform (Wiener–Khinchin), with as many zeros behind the chain as it has values, so
// that its end does not meet its beginning.
std::vector<double> autocovariance(std::span<const double> chain) {
  const double n = static_cast<double>(chain.size());
  double shift = 0;  // from the first value, so that a chain that stands still has no variance by rounding
  for (const double value : chain) shift += (value - chain[0]) / n;
  const double mean = chain[0] + shift;
  std::vector<Complex> a(std::bit_ceil(2 * chain.size()));
  for (size_t i = 0; i < chain.size(); ++i) a[i] = chain[i] - mean;
  fourier_transform(a);
  for (Complex& value : a) value = std::norm(value);
  fourier_transform(a);  // of a real even sequence: its inverse up to the factor
  std::vector<double> gamma(chain.size());
  for (size_t t = 0; t < gamma.size(); ++t) gamma[t] = a[t].real() / (static_cast<double>(a.size()) * n);
  return gamma;
}

std::vector<double> autocorrelation(const ChainDraws& draws) {
  check_draws("autocorrelation", draws, 2);
  std::vector<double> rho(static_cast<size_t>(draws.steps));
  for (int64_t c = 0; c < draws.chains; ++c) {
    const std::vector<double> gamma = autocovariance(draws.chain(c));
    for (size_t t = 0; t < rho.size(); ++t) rho[t] += gamma[t];
  }
  const double variance = rho[0];
  for (double& value : rho) value /= variance;
  return rho;
}

double initial_monotone_sum(std::span<const double> rho) {
  double sum = -1, smallest = std::numeric_limits<double>::infinity();
  for (size_t lag = 0; lag < rho.size(); lag += 2) {
    const double pair = lag + 1 < rho.size() ? rho[lag] + rho[lag + 1] : 0;
    if (std::isnan(pair)) return pair;
    // the last lags of a chain rest on a handful of products each: they are left out
    if (pair <= 0 || lag + 5 >= rho.size()) return sum + std::max(rho[lag], 0.0);
    smallest = std::min(smallest, pair);
    sum += 2 * smallest;
  }
  return sum;
}

double integrated_autocorrelation_time(const ChainDraws& draws) { return initial_monotone_sum(autocorrelation(draws)); }

}  // namespace ebm
