// The short-run energy-based model (Nijkamp et al. 2019): chains of l steps from noise, and no generator.
#include "train/trainer.h"

namespace ebm {

void Trainer::short_run(Shown& shown) {
  timer_.begin(kAncestral);
  const Tensor x_0 = noise_images(settings_.chains, key(Stream::start));  // (n, H, W, C)
  update_energy(run_chains(x_0, shown), shown);
}

}  // namespace ebm
