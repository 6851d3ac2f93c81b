#include "evaluate/normal_distribution.h"

#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double normal_quantile(double p) {
  EBM_CHECK(p > 0 && p < 1, "normal_quantile", fmt::format("{}", p), "a probability between 0 and 1");
  // Newton on the upper tail 1 − Φ, where erfc keeps its digits. The tail is convex for z > 0, so the steps
  // from 0 climb to the root and never pass it: they end when rounding stops them.
  const double tail = p < 0.5 ? p : 1 - p;
  double z = 0;
  for (;;) {
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    const double next = z + (normal_cdf(-z) - tail) / density;
    if (!(next - z > 1e-15 * (1 + z))) break;
    z = next;
  }
  return p < 0.5 ? -z : z;
}

}  // namespace ebm
