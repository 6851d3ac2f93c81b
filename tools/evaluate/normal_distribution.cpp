#include "tools/evaluate/normal_distribution.h"

#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double normal_quantile(double p) {
  EBM_CHECK(p > 0 && p < 1, "normal_quantile", fmt::format("{}", p), "a probability between 0 and 1");
  // Newton on the upper tail 1 − Φ, where erfc keeps its digits, from Hastings' approximation (Abramowitz and
  // Stegun 26.2.23), which is within 5e-4: each step squares the error.
  const double tail = p < 0.5 ? p : 1 - p, t = std::sqrt(-2 * std::log(tail));
  double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (int step = 0; step < 3; ++step) {
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    z += (normal_cdf(-z) - tail) / density;
  }
  return p < 0.5 ? -z : z;
}

}  // namespace ebm
