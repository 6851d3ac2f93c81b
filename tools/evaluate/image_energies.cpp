#include "tools/evaluate/image_energies.h"

#include <algorithm>

#include "train/chains/potential.h"

namespace ebm {

constexpr int64_t kBatch = 500;

std::vector<float> image_energies(Trainer& trainer, std::span<const float> images) {
  return image_values(trainer, images, [&](const Tensor& x) { return trainer.energy(x); });
}

std::vector<float> image_values(Trainer& trainer, std::span<const float> images,
                                const std::function<Tensor(const Tensor& x)>& value) {
  const Abilities& model = trainer.abilities();
  const ImageShape shape = model.image;
  const int64_t count = static_cast<int64_t>(images.size()) / shape.elements();
  const int64_t batch = std::min(kBatch, count);
  std::vector<float> host(static_cast<size_t>(batch * shape.elements())), all;
  Tensor x = Tensor::empty({batch, shape.height, shape.width, shape.channels},
                           trainer.device());  // (batch, H, W, C)
  for (int64_t first = 0; first < count; first += batch) {
    // the last batch is filled up with what is left of the one before: every batch has one shape
    const int64_t part = std::min(batch, count - first);
    std::copy_n(images.begin() + first * shape.elements(), part * shape.elements(), host.begin());
    x.copy_from_host(host);
    const RandomKey noise{0, Stream::data_noise, static_cast<uint32_t>(first), 0};
    const std::vector<float> u = value(model.dequantised ? model.dequantised(x, noise) : x).to_host();  // (batch)
    all.insert(all.end(), u.begin(), u.begin() + part);
  }
  check_energies(all);
  return all;
}

}  // namespace ebm
