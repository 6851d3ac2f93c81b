// All parameters of one network in one flat buffer, each a named view of it: Adam, gradient norm, moving
// average and checkpoint are one call each.
#pragma once

#include <string>
#include <vector>

#include "autograd/tape.h"
#include "core/random.h"
#include "models/layer.h"

namespace ebm {

class Parameters {
 public:
  struct Entry {
    std::string name;  // as in "conv1.weight"
    Shape shape;
    int64_t first;  // offset in the flat buffer
    float bound;    // initial values: U(-bound, bound), or
    float stddev;   // N(0, stddev²); both 0: zeros
  };

  // Declare all parameters, then allocate() once; vars are valid from then on.
  void add_zeros(const std::string& name, const Shape& shape);
  void add_uniform(const std::string& name, const Shape& shape, float bound);
  void add_normal(const std::string& name, const Shape& shape, float stddev);
  // A convolution's or dense layer's weight; fan_in is the number of inputs of one output.
  void add_weight(const std::string& name, const Shape& shape, int64_t fan_in, WeightInit init);
  // Fills the buffer: a pure function of (seed, network, position in the list).
  void allocate(Device device, uint64_t seed, uint32_t network);

  int64_t size() const { return size_; }
  const std::vector<Entry>& entries() const { return entries_; }
  // Once allocated: other values for entry i.
  void set(size_t i, const std::vector<float>& values);
  // The parameter of that name; throws Error if there is none.
  const Var& operator[](const std::string& name) const;
  const std::vector<Var>& vars() const { return vars_; }  // in order of entries
  Tensor& flat() { return flat_; }                        // (size)
  const Tensor& flat() const { return flat_; }
  // The part of a buffer of flat's shape (gradient, moment, average) that belongs to entry i.
  Tensor view(const Tensor& flat, size_t i) const { return flat.view(entries_[i].first, entries_[i].shape); }

 private:
  std::vector<Entry> entries_;
  std::vector<Var> vars_;
  Tensor flat_;
  int64_t size_ = 0;
};

}  // namespace ebm
