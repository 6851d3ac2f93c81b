// A plain network: layers that follow each other, with their parameters.
#pragma once

#include "core/random.h"
#include "models/layer.h"
#include "models/parameters.h"

namespace ebm {

class Sequence {
 public:
  // Declares the layers' parameters. A network that is more than its layers declares the rest of its own in
  // parameters() before it allocates them all.
  explicit Sequence(const NetworkConfig& config);
  Sequence(const NetworkConfig& config, Device device, uint64_t seed) : Sequence(config) { allocate(device, seed); }

  void allocate(Device device, uint64_t seed) { parameters_.allocate(device, seed, config_.number); }

  // x as config().input, with N examples. Dropout masks are drawn from dropout_key; without a key there is none. They are
  // those of rows first_row, first_row + 1, … of the batch of all ranks.
  Var operator()(const Var& x, const RandomKey* dropout_key = nullptr, int64_t first_row = 0) const {
    return apply(0, places_.size(), x, dropout_key, first_row);
  }
  // Layers `first` to `end` - 1 alone.
  Var apply(size_t first, size_t end, const Var& x, const RandomKey* dropout_key = nullptr,
            int64_t first_row = 0) const;

  const NetworkConfig& config() const { return config_; }
  const std::vector<PlacedLayer>& places() const { return places_; }  // of each layer, for one example
  const Shape& output() const { return places_.back().y; }            // of one example: (1, …)

  // Of a layer that has them.
  const Var& weight(size_t layer) const { return parameters_.vars()[places_[layer].entry]; }
  const Var& bias(size_t layer) const { return parameters_.vars()[places_[layer].entry + 1]; }

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Apply;

  NetworkConfig config_;
  std::vector<PlacedLayer> places_;
  Parameters parameters_;
};

}  // namespace ebm
