#include "models/parameters.h"

#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/random_fill.h"

namespace ebm {

void Parameters::add_zeros(const std::string& name, const Shape& shape) { add_uniform(name, shape, 0.0f); }

void Parameters::add_uniform(const std::string& name, const Shape& shape, float bound) {
  entries_.push_back({name, shape, size_, bound, 0.0f});
  size_ += shape.size();
}

void Parameters::add_weight(const std::string& name, const Shape& shape, int64_t fan_in, WeightInit init) {
  if (init == WeightInit::kaiming_uniform)
    return add_uniform(name, shape, 1.0f / std::sqrt(static_cast<float>(fan_in)));
  const int64_t both = shape.size() / shape[0] + shape.size() / shape.back();
  const float xavier = std::sqrt(2.0f / static_cast<float>(both));
  const float stddev = init == WeightInit::xavier_normal ? xavier : init == WeightInit::normal_002 ? 0.02f : 0.005f;
  add_normal(name, shape, stddev);
}

void Parameters::add_normal(const std::string& name, const Shape& shape, float stddev) {
  entries_.push_back({name, shape, size_, 0.0f, stddev});
  size_ += shape.size();
}

void Parameters::allocate(Device device, uint64_t seed, uint32_t network) {
  flat_ = Tensor::zeros({size_}, device);
  for (const Entry& entry : entries_) {
    Tensor values = flat_.view(entry.first, entry.shape);
    const RandomKey key{seed, Stream::init, network};
    if (entry.stddev > 0) fill_normal(values, key, 0.0f, entry.stddev, entry.first);
    if (entry.bound > 0) fill_uniform(values, key, -entry.bound, entry.bound, entry.first);
    vars_.emplace_back(values);
  }
}

void Parameters::set(size_t i, const std::vector<float>& values) {
  view(flat_, i).copy_from(Tensor::from_host(values, entries_[i].shape, flat_.device()));
}

const Var& Parameters::operator[](const std::string& name) const {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name == name) return vars_[i];
  }
  EBM_FAIL("parameters", "\"" + name + "\"", "the name of a parameter");
}

}  // namespace ebm
