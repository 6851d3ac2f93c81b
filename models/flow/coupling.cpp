#include "models/flow/coupling.h"

#include "kernels/elementwise.h"

namespace ebm {
namespace {

constexpr float kStart = 0.05f;  // deviation of NN's first weights
constexpr float kBias = 2;       // σ(a + 2) is near 1 at the start

Var plus(const Var& x, float constant) { return add(x, Var(full(x.shape(), constant, x.value().device()))); }

}  // namespace

Coupling::Coupling(Parameters& parameters, const std::string& name, int64_t channels, int64_t width, int64_t kernel)
    : kept_(channels / 2),
      moved_(channels - kept_),
      first_(parameters, name + ".conv1", kernel, kept_, width, kStart),
      second_(parameters, name + ".conv2", 1, width, width, kStart),
      last_(parameters, name + ".conv3", kernel, width, 2 * moved_, 0) {}

Coupling::Weights Coupling::weights(const Parameters& parameters) const {
  return {first_.weights(parameters), second_.weights(parameters), last_.weights(parameters)};
}

Tensor Coupling::initialise(Parameters& parameters, const Tensor& x) const {
  const Var x1 = slice_channels(Var(x), 0, kept_);
  second_.initialise(parameters, relu(Var(first_.initialise(parameters, x1.value()))).value());
  LogDet unused;
  return encode(weights(parameters), Var(x), unused).value();
}

Coupling::Affine Coupling::affine(const Weights& w, const Var& x1) const {
  const Var h = last_(w.last, second_(w.second, first_(w.first, x1, 0), 0), 1);  // (N,H,W,2·moved)
  return {slice_channels(h, 0, moved_), plus(slice_channels(h, moved_, moved_), kBias)};
}

Var Coupling::encode(const Weights& w, const Var& x, LogDet& log_det) const {
  const Var x1 = slice_channels(x, 0, kept_), x2 = slice_channels(x, kept_, moved_);
  const Affine f = affine(w, x1);
  log_det.add_rows(scale(sum_rows(softplus(scale(f.a, -1))), -1));  // log σ(a) = −softplus(−a)
  return concat_channels(x1, mul(add(x2, f.shift), sigmoid(f.a)));
}

Var Coupling::decode(const Weights& w, const Var& y) const {
  const Var x1 = slice_channels(y, 0, kept_), y2 = slice_channels(y, kept_, moved_);
  const Affine f = affine(w, x1);
  const Var inverse = plus(exp(scale(f.a, -1)), 1);  // 1/σ(a) = 1 + e^{−a}
  return concat_channels(x1, sub(mul(y2, inverse), f.shift));
}

}  // namespace ebm
