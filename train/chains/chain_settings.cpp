#include "train/chains/chain_settings.h"

#include <cmath>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {

LangevinStep langevin_step_of(const ChainSettings& s) { return langevin_step_of(s, s.noise_scale); }

LangevinStep langevin_step_of(const ChainSettings& s, double noise_scale) {
  LangevinStep step;
  step.drift = static_cast<float>(s.drift);
  step.noise = static_cast<float>(s.noise * noise_scale);
  step.inv_sigma_ref_sq = s.sigma_ref > 0 ? static_cast<float>(1 / (s.sigma_ref * s.sigma_ref)) : 0.0f;
  step.clamp = static_cast<float>(s.clamp);
  EBM_CHECK(
      std::isfinite(step.drift) && std::isfinite(step.noise) && std::isfinite(step.inv_sigma_ref_sq), "langevin step",
      fmt::format("drift {}, noise {} times noise-scale {}, sigma-ref {}", s.drift, s.noise, noise_scale, s.sigma_ref),
      "numbers within a float's range, 1/sigma-ref^2 too");
  return step;
}

}  // namespace ebm
