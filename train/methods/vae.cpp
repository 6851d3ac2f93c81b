// The variational autoencoder (Kingma & Welling 2014) on the data alone: no energy, no chains.
#include "train/methods/teaching.h"

namespace ebm {
namespace {

struct Vae : Teaching {
  Vae(const TeachingSettings& settings, Parts& parts) : Teaching(settings, parts) {}

  void iterate(Iteration& it) override {
    begin_vae_update(it, it.data(), settings_.batch);
    end_updates(it, {&encoder_, &generator_});
  }
};

}  // namespace

std::unique_ptr<Method> make_vae(const Settings& s, Parts& parts) {
  return std::make_unique<Vae>(dynamic_cast<const TeachingSettings&>(s), parts);
}

}  // namespace ebm
