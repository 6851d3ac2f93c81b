// The variational autoencoder (Kingma & Welling 2014) on the data alone: no energy, no chains.
#include "train/methods/teaching.h"

namespace ebm {
namespace {

struct Vae : Teaching {
  Vae(const TeachingSettings& settings, Parts& parts) : Teaching(settings, parts) {}

  void iterate(Iteration& it) override { update_vae(it, it.data(), settings_.batch); }
};

}  // namespace

std::unique_ptr<Method> make_vae(const Settings& s, Parts& parts) {
  return std::make_unique<Vae>(dynamic_cast<const TeachingSettings&>(s), parts);
}

}  // namespace ebm
