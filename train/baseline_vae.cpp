// The variational autoencoder (Kingma & Welling 2014) on the data alone: no energy, no chains.
#include "train/trainer.h"

namespace ebm {

void Trainer::vae(Shown& shown) { update_vae(data_, shown); }

}  // namespace ebm
