// The persistent energy-based model (Tieleman 2008, with the replay buffer of Du & Mordatch 2019): chains go on
// from where they were left, one in twenty begins anew at noise. The buffer's chains take turns.
#include "kernels/replay.h"
#include "train/trainer.h"

namespace ebm {
namespace {

constexpr float kRestarts = 0.05f;

}  // namespace

void Trainer::persistent(Shown& shown) {
  timer_.begin(kAncestral);
  const Scalar first = scalars_.scalar(buffer_first_);
  Tensor x_0 = take_rows(buffer_, first, settings_.chains);  // (n, H, W, C)
  restart_rows(x_0, kRestarts, key(Stream::restart), key(Stream::start));
  const Tensor x_tilde = run_chains(x_0, shown);             // (n, H, W, C)
  put_rows(buffer_, first, x_tilde);
  update_energy(x_tilde, shown);
}

}  // namespace ebm
