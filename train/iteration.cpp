#include "train/iteration.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/random_fill.h"

namespace ebm {
namespace {

uint64_t first_element(const Share& share, const Shape& shape) {
  return static_cast<uint64_t>(share.first * (shape.size() / shape[0]));
}

}  // namespace

Iteration::Iteration(Device device, uint64_t seed, Scalars& scalars, const std::vector<BatchPart>& batch,
                     const std::vector<const char*>& phases, Communicator& ranks)
    : device_(device),
      seed_(seed),
      scalars_(scalars),
      ranks_(ranks),
      random_(scalars.add_offset()),
      parts_(batch),
      phases_(phases),
      timer_(device, phases) {
  for (BatchPart& part : parts_) {
    part.shape = part.shape.with_first(ranks.share(part.shape[0]).count);
    data_.push_back(Tensor::zeros(part.shape, device));
  }
}

const Tensor& Iteration::data(std::string_view part) const {
  for (size_t i = 0; i < parts_.size(); ++i)
    if (parts_[i].name == part) return data_[i];
  EBM_FAIL("iteration", "data \"" + std::string(part) + "\"", "a part of the method's batch");
}

RandomKey Iteration::key(Stream stream) {
  EBM_CHECK(std::find(drawn_.begin(), drawn_.end(), stream) == drawn_.end(), "iteration",
            "stream " + std::to_string(static_cast<uint32_t>(stream)) + " twice", "a stream for each purpose");
  drawn_.push_back(stream);
  return {seed_, stream, 0, 0, scalars_.offset(random_)};
}

Tensor Iteration::normal(Stream stream, const Shape& shape) {
  const Share own = share(shape[0]);
  Tensor x = Tensor::empty(shape.with_first(own.count), device_);
  fill_normal(x, key(stream), 0.0f, 1.0f, first_element(own, shape));
  return x;
}

Tensor Iteration::uniform(Stream stream, const Shape& shape, float low, float high) {
  const Share own = share(shape[0]);
  Tensor x = Tensor::empty(shape.with_first(own.count), device_);
  fill_uniform(x, key(stream), low, high, first_element(own, shape));
  return x;
}

void Iteration::check(std::span<const Tensor> batch) const {
  EBM_CHECK(batch.size() == parts_.size(), "training step", std::to_string(batch.size()) + " tensors",
            std::to_string(parts_.size()) + ", a batch of the method");
  for (size_t i = 0; i < parts_.size(); ++i) check_shape("training step", parts_[i].name, batch[i], parts_[i].shape);
}

void Iteration::begin(std::span<const Tensor> batch, int64_t iteration, int stage) {
  for (size_t i = 0; i < data_.size(); ++i) data_[i].copy_from(batch[i]);
  drawn_.clear();
  stage_ = stage;
  scalars_.set_offset(random_, {static_cast<uint32_t>(iteration), 0, 0});
}

std::vector<double> Iteration::seconds() const {
  std::vector<double> seconds;
  for (size_t i = 0; i < phases_.size(); ++i) seconds.push_back(timer_.seconds(static_cast<int>(i)));
  return seconds;
}

void Iteration::phase(std::string_view name) {
  for (size_t i = 0; i < phases_.size(); ++i)
    if (phases_[i] == name) return timer_.begin(static_cast<int>(i));
  EBM_FAIL("iteration", "phase \"" + std::string(name) + "\"", "a phase that the method names");
}

}  // namespace ebm
