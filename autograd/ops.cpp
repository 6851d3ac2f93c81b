#include "autograd/ops.h"

#include "core/check.h"
#include "kernels/batch_norm.h"
#include "kernels/channels.h"
#include "kernels/elementwise.h"
#include "kernels/instance_norm.h"
#include "kernels/linear.h"
#include "kernels/pool.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "kernels/scale.h"
#include "kernels/space_to_depth.h"
#include "kernels/tanh_error.h"

namespace ebm {
namespace {

// Wraps the value; records how its gradient flows back if a tape is alive. The backward function holds
// only the tensors that its derivative reads.
template <class F>
Var record(std::vector<Var> inputs, Tensor value, F&& backward, float negative_slope = 1.0f) {
  Var output(std::move(value));
  if (Tape* tape = Tape::current()) tape->record(std::move(inputs), output, std::forward<F>(backward), negative_slope);
  return output;
}

const Tensor& value_or_none(const Var& v) {
  static const Tensor none;
  return v.defined() ? v.value() : none;
}

Var elementwise(Unary f, const Var& x, float parameter = 0.0f) {
  Tensor y = unary(f, x.value(), parameter);
  const Tensor read = derivative_reads_input(f) ? x.value() : y;
  return record({x}, y, [=](Gradients& g) { g.set(0, unary_backward(f, read, read, g.dy(), parameter)); });
}

}  // namespace

Var conv2d(const Var& x, const Var& w, const Var& b, const ConvGeometry& geometry, float slope) {
  EBM_CHECK(slope >= 0 && slope <= 1, "conv2d", "negative slope " + std::to_string(slope), "0 to 1");
  Tensor y = conv2d(x.value(), w.value(), value_or_none(b), geometry, slope);
  const bool map = b.defined() && b.value().rank() == 4;
  const Tensor xv = x.value(), wv = w.value();
  const auto backward = [=](Gradients& g) {  // g.dy(): of the sum conv + b
    if (g.needs(0)) g.set(0, conv2d_backward_data(g.dy(), wv, xv.shape(), geometry, g.take_mask(0)));
    if (g.needs(1)) g.set(1, conv2d_backward_weight(xv, g.dy(), wv.shape(), geometry));
    if (g.needs(2)) g.set(2, map ? g.dy() : sum_columns(g.dy()));
  };
  return record({x, w, b}, y, backward, slope);
}

Var conv_transpose2d(const Var& x, const Var& w, const Var& b, const ConvGeometry& geometry, float slope) {
  EBM_CHECK(slope >= 0 && slope <= 1, "conv_transpose2d", "negative slope " + std::to_string(slope), "0 to 1");
  const Shape y_shape = conv_transpose2d_shape(x.shape(), w.shape(), geometry);
  Tensor y = conv2d_backward_data(x.value(), w.value(), y_shape, geometry,
                                  ConvEpilogue::bias_activation(value_or_none(b), slope));
  const Tensor xv = x.value(), wv = w.value();
  const auto backward = [=](Gradients& g) {  // g.dy(): of the sum before the leaky ReLU
    if (g.needs(0)) g.set(0, conv2d(g.dy(), wv, geometry, g.take_mask(0)));
    if (g.needs(1)) g.set(1, conv2d_backward_weight(g.dy(), xv, wv.shape(), geometry));
    if (g.needs(2)) g.set(2, sum_columns(g.dy()));
  };
  return record({x, w, b}, y, backward, slope);
}

Var linear(const Var& x, const Var& w, const Var& b) {
  Tensor y = linear(x.value(), w.value(), value_or_none(b));
  const Tensor xv = x.value(), wv = w.value();
  return record({x, w, b}, y, [=](Gradients& g) {
    if (g.needs(0)) g.set(0, linear_backward_data(g.dy(), wv));
    if (g.needs(1)) g.set(1, linear_backward_weight(xv, g.dy()));
    if (g.needs(2)) g.set(2, sum_columns(g.dy()));
  });
}

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, float eps) {
  BatchNormSaved saved;
  Tensor y = batch_norm(x.value(), value_or_none(gamma), beta.value(), eps, saved);
  const Tensor xv = x.value(), gv = value_or_none(gamma);
  return record({x, gamma, beta}, y, [=](Gradients& g) {
    BatchNormGradients d = batch_norm_backward(xv, gv, g.dy(), saved);
    g.set(0, d.dx);
    g.set(1, d.dgamma);
    g.set(2, d.dbeta);
  });
}

Var instance_norm(const Var& x, const Var& gamma, const Var& beta, float eps) {
  InstanceNormSaved saved;
  Tensor y = instance_norm(x.value(), value_or_none(gamma), value_or_none(beta), eps, saved);
  const Tensor xv = x.value(), gv = value_or_none(gamma), bv = value_or_none(beta);
  return record({x, gamma, beta}, y, [=](Gradients& g) {
    InstanceNormGradients d = instance_norm_backward(xv, gv, bv, g.dy(), saved);
    g.set(0, d.dx);
    g.set(1, d.dgamma);
    g.set(2, d.dbeta);
  });
}

Var dropout(const Var& x, float keep, const RandomKey& key, uint64_t first_element) {
  return record({x}, dropout(x.value(), keep, key, first_element),
                [=](Gradients& g) { g.set(0, dropout(g.dy(), keep, key, first_element)); });
}

Var relu(const Var& x) { return elementwise(Unary::leaky_relu, x, 0.0f); }
Var leaky_relu(const Var& x, float slope) {
  EBM_CHECK(slope >= 0 && slope <= 1, "leaky_relu", "negative slope " + std::to_string(slope), "0 to 1");
  return elementwise(Unary::leaky_relu, x, slope);
}
Var tanh(const Var& x) { return elementwise(Unary::tanh, x); }
Var swish(const Var& x) { return elementwise(Unary::swish, x); }
Var sigmoid(const Var& x) { return elementwise(Unary::sigmoid, x); }
Var softplus(const Var& x) { return elementwise(Unary::softplus, x); }
Var square(const Var& x) { return elementwise(Unary::square, x); }
Var exp(const Var& x) { return elementwise(Unary::exp, x); }
Var log(const Var& x) { return elementwise(Unary::log, x); }
Var abs(const Var& x) { return elementwise(Unary::abs, x); }
Var scale(const Var& x, float factor) { return elementwise(Unary::scale, x, factor); }

Var add(const Var& a, const Var& b) {
  return record({a, b}, binary(Binary::add, a.value(), b.value()), [](Gradients& g) {
    g.set(0, g.dy());
    g.set(1, g.dy());
  });
}

Var sub(const Var& a, const Var& b) {
  return record({a, b}, binary(Binary::sub, a.value(), b.value()), [](Gradients& g) {
    g.set(0, g.dy());
    if (g.needs(1)) g.set(1, unary(Unary::scale, g.dy(), -1.0f));
  });
}

Var mul(const Var& a, const Var& b) {
  const Tensor av = a.value(), bv = b.value();
  return record({a, b}, binary(Binary::mul, av, bv), [=](Gradients& g) {
    if (g.needs(0)) g.set(0, binary(Binary::mul, g.dy(), bv));
    if (g.needs(1)) g.set(1, binary(Binary::mul, g.dy(), av));
  });
}

Var add_bias(const Var& x, const Var& b) {
  return record({x, b}, add_bias(x.value(), b.value()), [](Gradients& g) {
    g.set(0, g.dy());
    if (g.needs(1)) g.set(1, sum_columns(g.dy()));
  });
}

Var sum(const Var& x) {
  const Shape shape = x.shape();
  return record({x}, sum(x.value()), [=](Gradients& g) { g.set(0, expand(g.dy(), shape, 1.0f)); });
}

Var mean(const Var& x) { return mean(x, x.value().size()); }
Var mean(const Var& x, int64_t n) { return scale(sum(x), 1.0f / static_cast<float>(n)); }

Var sum_rows(const Var& x) {
  const Shape shape = x.shape();
  return record({x}, sum_rows(x.value()), [=](Gradients& g) { g.set(0, expand_rows(g.dy(), shape, 1.0f)); });
}

Var mean_rows(const Var& x) {
  return scale(sum_rows(x), static_cast<float>(x.shape()[0]) / static_cast<float>(x.value().size()));
}

Var sum_first(const Var& x) {
  const Shape shape = x.shape();
  return record({x}, sum_first(x.value()), [=](Gradients& g) { g.set(0, expand_first(g.dy(), shape)); });
}

Var scale_rows(const Var& x, const Var& s) {
  const Tensor xv = x.value(), sv = s.value();
  return record({x, s}, scale_rows(xv, sv), [=](Gradients& g) {
    if (g.needs(0)) g.set(0, scale_rows(g.dy(), sv));
    if (g.needs(1)) g.set(1, sum_rows(binary(Binary::mul, g.dy(), xv)));
  });
}

Var scale_channels(const Var& x, const Var& s) {
  const Tensor xv = x.value(), sv = s.value();
  return record({x, s}, scale_channels(xv, sv), [=](Gradients& g) {
    if (g.needs(0)) g.set(0, scale_channels(g.dy(), sv));
    if (g.needs(1)) g.set(1, sum_columns(binary(Binary::mul, g.dy(), xv)));
  });
}

Var lu_matrix(const Var& lower, const Var& log_s, const Var& upper, const LuPattern& pattern) {
  const Tensor l = lower.value(), s = log_s.value(), u = upper.value();
  return record({lower, log_s, upper}, lu_matrix(l, s, u, pattern), [=](Gradients& g) {
    LuGradients d = lu_matrix_backward(l, s, u, pattern, g.dy());
    g.set(0, d.lower);
    g.set(1, d.log_s);
    g.set(2, d.upper);
  });
}

Var tanh_error(const Var& s, const Tensor& x) {
  const TanhError result = tanh_error(s.value(), x);
  const Tensor derivative = result.derivative;
  return record({s}, result.error, [=](Gradients& g) { g.set(0, tanh_error_backward(derivative, g.dy())); });
}

Var logsumexp_rows(const Var& x) {
  Tensor y = logsumexp_rows(x.value());
  const Tensor xv = x.value();
  return record({x}, y, [=](Gradients& g) { g.set(0, logsumexp_rows_backward(xv, y, g.dy())); });
}

Var average_pool2d(const Var& x, int window, const ConvGeometry& geometry) {
  const Shape shape = x.shape();
  return record({x}, average_pool2d(x.value(), window, geometry),
                [=](Gradients& g) { g.set(0, average_pool2d_backward(g.dy(), shape, window, geometry)); });
}

Var average_pixels(const Var& x) {
  const Shape shape = x.shape();
  const float part = 1.0f / static_cast<float>(shape[1] * shape[2]);
  return record({x}, average_pixels(x.value()), [=](Gradients& g) { g.set(0, expand_pixels(g.dy(), shape, part)); });
}

Var reshape(const Var& x, const Shape& shape) {
  const Shape from = x.shape();
  return record({x}, x.value().reshaped(shape), [=](Gradients& g) { g.set(0, g.dy().reshaped(from)); });
}

Var concat_channels(const Var& a, const Var& b) {
  const int64_t ca = a.shape().back(), cb = b.shape().back();
  return record({a, b}, concat_channels(a.value(), b.value()), [=](Gradients& g) {
    if (g.needs(0)) g.set(0, slice_channels(g.dy(), 0, ca));
    if (g.needs(1)) g.set(1, slice_channels(g.dy(), ca, cb));
  });
}

Var slice_channels(const Var& x, int64_t first, int64_t count) {
  const Shape shape = x.shape();
  return record({x}, slice_channels(x.value(), first, count),
                [=](Gradients& g) { g.set(0, slice_channels_backward(g.dy(), first, shape)); });
}

Var space_to_depth(const Var& x) {
  return record({x}, space_to_depth(x.value()), [](Gradients& g) { g.set(0, depth_to_space(g.dy())); });
}

Var depth_to_space(const Var& x) {
  return record({x}, depth_to_space(x.value()), [](Gradients& g) { g.set(0, space_to_depth(g.dy())); });
}

}  // namespace ebm
