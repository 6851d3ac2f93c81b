// Training of a plain network whose every bit is the same on all processors with fused multiply-adds (x86 since 2013, in a
// build for the processor at hand), for any number of threads and any width of their vectors: what scores are computed
// with must not depend on whose machine trained it. So nothing here is a library's. Products are those of
// kernels/conv/tile_gemm.h, each element a sum of fused steps in order of depth; all else is computed element by
// element, unfused (CMakeLists.txt sets -ffp-contract=off); sums over a batch run over fixed parts of it, in order.
#pragma once

#include <span>
#include <vector>

#include "core/random.h"
#include "models/sequence.h"

namespace ebm {

// Whether this build's products are fused: without, the bits are those of other such builds.
bool products_are_fused();

// eˣ by arithmetic alone: libraries of mathematics differ in the last bit.
double portable_exp(double x);

// A classifier of Conv, Dense, LeakyRelu, Dropout and Flatten layers, on the CPU, by Adam (β 0.9, 0.999) on the mean
// cross-entropy.
class PortableTraining {
 public:
  // Initial values of the network's own kind, which must be kaiming_uniform. Throws Error for other layers.
  PortableTraining(const NetworkConfig& network, uint64_t seed, int64_t batch);

  // x (batch,H,W,C), labels (batch). Of the parameters as they are: the mean loss, and its gradient in gradient().
  double differentiate(std::span<const float> x, std::span<const uint8_t> labels, const RandomKey& dropout_key);
  void step(double lr);  // Adam's, on that gradient

  // In the order of Sequence's flat buffer.
  const std::vector<float>& parameters() const { return values_; }
  const std::vector<float>& gradient() const { return gradient_; }

 private:
  void forward(const RandomKey& dropout_key);
  void backward(const RandomKey& dropout_key);
  double softmax(std::span<const uint8_t> labels);  // the last output becomes the loss's gradient
  const float* weight(size_t layer) const { return values_.data() + first_[places_[layer].entry]; }
  float* weight_gradient(size_t layer) { return gradient_.data() + first_[places_[layer].entry]; }

  const NetworkConfig network_;
  std::vector<PlacedLayer> places_;  // of a batch
  std::vector<int64_t> first_;       // offset of each parameter
  int64_t batch_;
  std::vector<float> values_, gradient_, m_, v_;
  double beta1_power_ = 1, beta2_power_ = 1;
  // What each Conv and Dense is given, then the logits: the layers between two of them work in place.
  std::vector<std::vector<float>> maps_;
  std::vector<float> packed_, parts_, dx_, dy_;
};

}  // namespace ebm
