// The numbers that differ from one repetition of a device's work to the next, kept in its memory: kernels read
// them when they start, so that the work itself can be a replayed graph (core/graph.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"
#include "core/scalar.h"
#include "core/tensor.h"

namespace ebm {

class Scalars {
 public:
  explicit Scalars(Device device);

  // Places for a number and for a random key's offset; at most kWords words in all.
  int add();
  int add_offset();
  // What upload() is to send.
  void set(int place, float value);
  void set_offset(int place, const RandomOffset& offset);
  // Sends all numbers, in order with the device's work: what was given to the device before reads the old ones.
  void upload();

  Scalar scalar(int place) const { return Scalar(words_.data() + place); }
  Tensor tensor(int place) const { return words_.view(place, {1}); }  // (1)
  const RandomOffset* offset(int place) const;

  static constexpr int kWords = 128;

 private:
  int take(int words);

  Tensor words_;  // (kWords), 32-bit words of either kind
  uint32_t host_[kWords] = {};
  int used_ = 0;
};

// rows[row, i] = values[i], in one launch: rows (R, values.size()), values of one element each, at most 64.
void store_row(std::span<const Tensor> values, Tensor& rows, Scalar row);

}  // namespace ebm
