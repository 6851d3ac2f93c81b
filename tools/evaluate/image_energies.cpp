#include "tools/evaluate/image_energies.h"

#include <algorithm>

#include "train/chains/potential.h"

namespace ebm {

constexpr int64_t kBatch = 500;

std::vector<float> image_values(ImageShape shape, Device device, std::span<const float> images,
                                const std::function<Tensor(const Tensor& x)>& value) {
  const int64_t count = static_cast<int64_t>(images.size()) / shape.elements();
  const int64_t batch = std::min(kBatch, count);
  std::vector<float> host(static_cast<size_t>(batch * shape.elements())), all;
  Tensor x = Tensor::empty({batch, shape.height, shape.width, shape.channels}, device);  // (batch, H, W, C)
  for (int64_t first = 0; first < count; first += batch) {
    // the last batch is filled up with what is left of the one before: every batch has one shape
    const int64_t part = std::min(batch, count - first);
    std::copy_n(images.begin() + first * shape.elements(), part * shape.elements(), host.begin());
    x.copy_from_host(host);
    const std::vector<float> values = value(x).to_host();  // (batch)
    all.insert(all.end(), values.begin(), values.begin() + part);
  }
  check_energies(all);
  return all;
}

std::vector<float> as_modelled(const Trainer& trainer, std::span<const float> images) {
  const Abilities& model = trainer.abilities();
  if (!model.dequantised) return {images.begin(), images.end()};
  const ImageShape shape = model.image;
  const Shape all{static_cast<int64_t>(images.size()) / shape.elements(), shape.height, shape.width, shape.channels};
  return model.dequantised(Tensor::from_host(images, all, trainer.device()), {0, Stream::data_noise}).to_host();
}

std::vector<float> image_energies(Trainer& trainer, std::span<const float> images) {
  return image_values(trainer.abilities().image, trainer.device(), as_modelled(trainer, images),
                      [&](const Tensor& x) { return trainer.energy(x); });
}

}  // namespace ebm
