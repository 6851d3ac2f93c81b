#include "models/sequence.h"

#include "autograd/ops.h"

namespace ebm {

Sequence::Sequence(const NetworkConfig& config) : config_(config), places_(walk(config)) {
  for (const PlacedLayer& at : places_) {
    if (at.weight.rank() > 0) {
      parameters_.add_weight(at.name + ".weight", at.weight, at.weight.size() / at.outputs(), config_.init);
      if (at.bias) parameters_.add_zeros(at.name + ".bias", {at.outputs()});
    } else if (!at.name.empty()) {
      parameters_.add_zeros(at.name + ".beta", {at.y[3]});
    }
  }
}

// One layer on h (N, …).
struct Sequence::Apply {
  const Sequence& net;
  size_t i;
  const Var& h;
  const RandomKey* dropout_key;
  int64_t first_row;

  const PlacedLayer& at() const { return net.places_[i]; }
  Var bias() const { return at().bias ? net.bias(i) : Var(); }

  Var operator()(const Conv&) const { return conv2d(h, net.weight(i), bias(), at().geometry, at().slope); }
  Var operator()(const Deconv&) const { return conv_transpose2d(h, net.weight(i), bias(), at().geometry, at().slope); }
  Var operator()(const Dense&) const { return linear(h, net.weight(i), bias()); }
  Var operator()(const BatchNorm&) const { return batch_norm(h, Var(), net.parameters_.vars()[at().entry]); }
  Var operator()(const LeakyRelu& l) const {
    const bool after_conv = i > 0 && net.places_[i - 1].weight.rank() == 4;
    if (after_conv) return h;  // the convolution computed it
    return leaky_relu(h, l.negative_slope);
  }
  Var operator()(const Tanh&) const { return tanh(h); }
  Var operator()(const Dropout& l) const {
    if (!dropout_key || l.keep >= 1) return h;
    RandomKey key = *dropout_key;
    key.step = at().dropout;
    return dropout(h, l.keep, key, static_cast<uint64_t>(first_row * (h.value().size() / h.shape()[0])));
  }
  Var operator()(const Flatten&) const { return reshape(h, {h.shape()[0], at().y[1]}); }
};

Var Sequence::apply(size_t first, size_t end, const Var& x, const RandomKey* dropout_key, int64_t first_row) const {
  Var h = x;
  for (size_t i = first; i < end; ++i) h = std::visit(Apply{*this, i, h, dropout_key, first_row}, config_.layers[i]);
  return h;
}

}  // namespace ebm
