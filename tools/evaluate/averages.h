// Averages of a list of numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace ebm {

inline double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

// Of two numbers or more.
inline double standard_deviation(std::span<const double> x) {
  const double centre = mean(x);
  double squares = 0;
  for (const double v : x) squares += (v - centre) * (v - centre);
  return std::sqrt(squares / static_cast<double>(x.size() - 1));
}

// log Σ exp(sign·x)/n, without overflow.
inline double log_mean_exp(std::span<const double> x, double sign = 1) {
  double most = -INFINITY, sum = 0;
  for (const double v : x) most = std::max(most, sign * v);
  for (const double v : x) sum += std::exp(sign * v - most);
  return most + std::log(sum / static_cast<double>(x.size()));
}

}  // namespace ebm
