// The short-run energy-based model (Nijkamp et al. 2019): chains of l steps from noise, and no generator.
#include "train/methods/teaching.h"

namespace ebm {
namespace {

struct ShortRun : Teaching {
  ShortRun(const TeachingSettings& settings, Parts& parts) : Teaching(settings, parts) {}

  void iterate(Iteration& it) override {
    it.phase("ancestral");
    const Share own = it.share(settings_.chains);
    const Tensor x_0 = noise_images(own.count, it.key(Stream::start), own.first);  // (n, H, W, C)
    begin_energy_update(it, run_chains(it, x_0));
    end_updates(it, {&energy_});
  }

  Tensor sample_start(const RandomKey& key, int64_t first, int64_t /*first_row*/) override {
    return noise_images(kSampleBatch, {key.seed, Stream::start, key.iteration, key.step}, first);
  }
};

}  // namespace

std::unique_ptr<Method> make_short_run(const Settings& s, Parts& parts) {
  return std::make_unique<ShortRun>(dynamic_cast<const TeachingSettings&>(s), parts);
}

}  // namespace ebm
