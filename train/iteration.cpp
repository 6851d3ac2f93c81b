#include "train/iteration.h"

#include "core/check.h"
#include "kernels/random_fill.h"

namespace ebm {

Iteration::Iteration(Device device, uint64_t seed, Scalars& scalars, const std::vector<BatchPart>& batch,
                     const std::vector<const char*>& phases)
    : device_(device),
      seed_(seed),
      scalars_(scalars),
      random_(scalars.add_offset()),
      parts_(batch),
      phases_(phases),
      timer_(device, phases) {
  for (const BatchPart& part : parts_) data_.push_back(Tensor::zeros(part.shape, device));
}

const Tensor& Iteration::data(std::string_view part) const {
  for (size_t i = 0; i < parts_.size(); ++i)
    if (parts_[i].name == part) return data_[i];
  EBM_FAIL("iteration", "data \"" + std::string(part) + "\"", "a part of the method's batch");
}

Tensor Iteration::normal(Stream stream, const Shape& shape) const {
  Tensor x = Tensor::empty(shape, device_);
  fill_normal(x, key(stream), 0.0f, 1.0f);
  return x;
}

Tensor Iteration::uniform(Stream stream, const Shape& shape, float low, float high) const {
  Tensor x = Tensor::empty(shape, device_);
  fill_uniform(x, key(stream), low, high);
  return x;
}

void Iteration::phase(std::string_view name) {
  for (size_t i = 0; i < phases_.size(); ++i)
    if (phases_[i] == name) return timer_.begin(static_cast<int>(i));
  EBM_FAIL("iteration", "phase \"" + std::string(name) + "\"", "a phase that the method names");
}

}  // namespace ebm
