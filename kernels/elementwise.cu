#include "kernels/elementwise.h"

#include <cmath>

#include "kernels/leaky_relu.h"
#include "kernels/map_channel_values.h"
#include "kernels/map_values.h"

namespace ebm {
namespace {

// Each struct is one function: value(x) and derivative(x, y), whichever of the two arguments it reads.
struct LeakyRelu {
  float slope;
  EBM_HD float value(float x) const { return x > 0 ? x : slope * x; }
  EBM_HD float derivative(float, float y) const { return leaky_derivative(y, slope); }
};
struct Tanh {
  EBM_HD float value(float x) const { return tanhf(x); }
  EBM_HD float derivative(float, float y) const { return 1 - y * y; }
};
struct Sigmoid {
  EBM_HD float value(float x) const { return 1 / (1 + expf(-x)); }
  EBM_HD float derivative(float, float y) const { return y * (1 - y); }
};
struct Swish {
  EBM_HD float value(float x) const { return x * Sigmoid{}.value(x); }
  EBM_HD float derivative(float x, float) const {
    const float s = Sigmoid{}.value(x);
    return s * (1 + x * (1 - s));
  }
};
struct Softplus {  // log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|)), which cannot overflow
  EBM_HD float value(float x) const { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
  EBM_HD float derivative(float x, float) const { return Sigmoid{}.value(x); }
};
struct Square {
  EBM_HD float value(float x) const { return x * x; }
  EBM_HD float derivative(float x, float) const { return 2 * x; }
};
struct Exp {
  EBM_HD float value(float x) const { return expf(x); }
  EBM_HD float derivative(float, float y) const { return y; }
};
struct Log {
  EBM_HD float value(float x) const { return logf(x); }
  EBM_HD float derivative(float x, float) const { return 1 / x; }
};
struct Abs {
  EBM_HD float value(float x) const { return fabsf(x); }
  EBM_HD float derivative(float x, float) const { return static_cast<float>((x > 0) - (x < 0)); }
};
struct Scale {
  float factor;
  EBM_HD float value(float x) const { return factor * x; }
  EBM_HD float derivative(float, float) const { return factor; }
};

// Calls run(functor) with the functor of f.
template <class Run>
void with_functor(Unary f, float parameter, const Run& run) {
  switch (f) {
    case Unary::leaky_relu: return run(LeakyRelu{parameter});
    case Unary::tanh: return run(Tanh{});
    case Unary::swish: return run(Swish{});
    case Unary::sigmoid: return run(Sigmoid{});
    case Unary::softplus: return run(Softplus{});
    case Unary::square: return run(Square{});
    case Unary::exp: return run(Exp{});
    case Unary::log: return run(Log{});
    case Unary::abs: return run(Abs{});
    case Unary::scale: return run(Scale{parameter});
  }
}

template <class F>
struct UnaryValue {
  F f;
  EBM_HD void operator()(float& y, float x) const { y = f.value(x); }
};
template <class F>
struct UnaryDerivative {
  F f;
  EBM_HD void operator()(float& dx, float x, float y, float dy) const { dx = dy * f.derivative(x, y); }
};

struct RunUnary {
  Device device;
  int64_t n;
  const float* x;
  float* y;
  template <class F>
  void operator()(F f) const {
    map_values(device, n, UnaryValue<F>{f}, Write{y}, Read{x});
  }
};

struct RunUnaryDerivative {
  Device device;
  int64_t n;
  const float *x, *y, *dy;  // for whichever of x and y the derivative does not read dy stands in, unread
  float* dx;
  template <class F>
  void operator()(F f) const {
    map_values(device, n, UnaryDerivative<F>{f}, Write{dx}, Read{x}, Read{y}, Read{dy});
  }
};

struct Add {
  EBM_HD void operator()(float& y, float a, float b) const { y = a + b; }
};
struct Sub {
  EBM_HD void operator()(float& y, float a, float b) const { y = a - b; }
};
struct Mul {
  EBM_HD void operator()(float& y, float a, float b) const { y = a * b; }
};
struct AddScaled {
  float factor;
  EBM_HD void operator()(float& y, float x) const { y += factor * x; }
};
struct ScaleInPlace {
  float factor;
  EBM_HD void operator()(float& x) const { x *= factor; }
};
struct Fill {
  float value;
  EBM_HD void operator()(float& x) const { x = value; }
};

}  // namespace

bool derivative_reads_input(Unary f) {
  switch (f) {
    case Unary::swish:
    case Unary::softplus:
    case Unary::square:
    case Unary::log:
    case Unary::abs: return true;
    default: return false;
  }
}

Tensor unary(Unary f, const Tensor& x, float parameter) {
  Tensor y = Tensor::empty(x.shape(), x.device());
  with_functor(f, parameter, RunUnary{x.device(), x.size(), x.data(), y.mutable_data()});
  return y;
}

Tensor unary_backward(Unary f, const Tensor& x, const Tensor& y, const Tensor& dy, float parameter) {
  const bool reads_x = derivative_reads_input(f);
  check_same_shape("unary_backward", reads_x ? x : y, dy);
  Tensor dx = Tensor::empty(dy.shape(), dy.device());
  with_functor(f, parameter,
               RunUnaryDerivative{dy.device(), dy.size(), reads_x ? x.data() : dy.data(),
                                  reads_x ? dy.data() : y.data(), dy.data(), dx.mutable_data()});
  return dx;
}

Tensor binary(Binary f, const Tensor& a, const Tensor& b) {
  check_same_shape("binary", a, b);
  Tensor y = Tensor::empty(a.shape(), a.device());
  const Write out{y.mutable_data()};
  const Read in_a{a.data()}, in_b{b.data()};
  switch (f) {
    case Binary::add: map_values(a.device(), a.size(), Add{}, out, in_a, in_b); break;
    case Binary::sub: map_values(a.device(), a.size(), Sub{}, out, in_a, in_b); break;
    case Binary::mul: map_values(a.device(), a.size(), Mul{}, out, in_a, in_b); break;
  }
  return y;
}

Tensor add_bias(const Tensor& x, const Tensor& b) {
  EBM_CHECK(x.rank() > 0, "add_bias", "a scalar", "x (..., C)");
  check_shape("add_bias", "b", b, {x.shape().back()});
  check_same_device("add_bias", x, b);
  Tensor y = Tensor::empty(x.shape(), x.device());
  const int64_t channels = b.size();
  map_channel_values(x.device(), channels ? x.size() / channels : 0, channels, Add{}, Write{y.mutable_data()},
                     Read{x.data()}, ReadChannel{b.data(), channels});
  return y;
}

void add_scaled(Tensor& y, const Tensor& x, float factor) {
  check_same_shape("add_scaled", y, x);
  map_values(y.device(), y.size(), AddScaled{factor}, ReadWrite{y.mutable_data()}, Read{x.data()});
}

void scale_in_place(Tensor& x, float factor) {
  map_values(x.device(), x.size(), ScaleInPlace{factor}, ReadWrite{x.mutable_data()});
}

void fill(Tensor& x, float value) { map_values(x.device(), x.size(), Fill{value}, Write{x.mutable_data()}); }

Tensor full(const Shape& shape, float value, Device device) {
  Tensor x = Tensor::empty(shape, device);
  fill(x, value);
  return x;
}

}  // namespace ebm
