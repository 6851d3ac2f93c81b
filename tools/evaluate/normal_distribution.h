// The standard normal distribution in fp64.
#pragma once

namespace ebm {

double normal_cdf(double z);  // Φ(z)
// Φ⁻¹(p) for p in (0, 1), to about 1e-14; throws Error for another p.
double normal_quantile(double p);

}  // namespace ebm
