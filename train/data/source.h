// Where batches come from. A batch is named tensors, a pure function of (seed, iteration, global place): any run, rank
// or resumed run that asks for the same gets the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/data/dataset.h"

namespace ebm {

// A tensor of a batch, one item of it: "x" (H, W, C).
struct SourcePart {
  std::string name;
  std::vector<int64_t> shape;
};

class Source {
 public:
  virtual ~Source() = default;
  // What an item is made of, in the order that a method's batch must have.
  virtual std::vector<SourcePart> parts() const = 0;
  // Items in all: how many iterations an epoch has.
  virtual int64_t count() const = 0;
  // Items first … first + n − 1 of the batch of `batch` items of an iteration, counted from 0. out: room for n items of
  // each part.
  virtual void fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
                    std::span<float* const> out) const = 0;
};

// The images of a data set as "x", in an order that is shuffled anew in each epoch.
class LabelledImages : public Source {
 public:
  explicit LabelledImages(const Dataset& dataset) : dataset_(dataset) {}  // keeps a reference

  std::vector<SourcePart> parts() const override;
  int64_t count() const override { return dataset_.count(); }
  void fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
            std::span<float* const> out) const override;

 private:
  const Dataset& dataset_;
};

}  // namespace ebm
