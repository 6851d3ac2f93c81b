#include "kernels/batch_norm.h"

#include <cmath>
#include <string>

#include "kernels/reduce_blocks.h"

namespace ebm {
namespace {

// Σx and Σx². The square of a float is exact in double and its sum nearly so: E[x²] - E[x]² keeps its
// digits even where the mean is a thousand times the standard deviation, and x is read once.
struct Moments {
  const float* x;
  EBM_HD Sums<2> operator()(int64_t i, int64_t) const {
    const double value = x[i];
    return {{value, value * value}};
  }
};

struct FinishMoments {
  float *mean, *inv_std;  // (C)
  double count;           // N·H·W
  double eps;
  EBM_HD void operator()(int64_t c, const Sums<2>& sums) const {
    const double m = sums.v[0] / count;
    const double variance = sums.v[1] / count - m * m;
    mean[c] = static_cast<float>(m);
    inv_std[c] = static_cast<float>(1 / sqrt((variance > 0 ? variance : 0) + eps));
  }
};

// What both directions read: the input, its statistics and the scale of each channel.
struct Normalised {
  const float *x, *mean, *inv_std, *gamma;
  EBM_HD float x_hat(int64_t i, int64_t c) const { return (x[i] - mean[c]) * inv_std[c]; }
};

// y = γ·x̂ + β
template <bool kGamma>
struct Value {
  Normalised in;
  const float* beta;
  float* y;
  EBM_HD void operator()(int64_t i, int64_t c) const {
    y[i] = (kGamma ? in.gamma[c] : 1.0f) * in.x_hat(i, c) + beta[c];
  }
};

// dβ = Σ dy, dγ = Σ dy·x̂
struct GradientTerms {
  Normalised in;
  const float* dy;
  EBM_HD Sums<2> operator()(int64_t i, int64_t c) const {
    return {{dy[i], static_cast<double>(dy[i]) * in.x_hat(i, c)}};
  }
};

struct FinishGradients {
  float *dbeta, *dgamma;  // (C)
  EBM_HD void operator()(int64_t c, const Sums<2>& sums) const {
    dbeta[c] = static_cast<float>(sums.v[0]);
    dgamma[c] = static_cast<float>(sums.v[1]);
  }
};

// dx = γ/std · (dy - mean(dy) - x̂·mean(dy·x̂)): mean and variance depend on every x of the channel.
template <bool kGamma>
struct Derivative {
  Normalised in;
  const float *dy, *dbeta, *dgamma;
  float* dx;
  float inv_count;
  EBM_HD void operator()(int64_t i, int64_t c) const {
    const float centred = dy[i] - dbeta[c] * inv_count - in.x_hat(i, c) * (dgamma[c] * inv_count);
    dx[i] = (kGamma ? in.gamma[c] : 1.0f) * in.inv_std[c] * centred;
  }
};

Normalised normalised(const Tensor& x, const Tensor& gamma, const BatchNormSaved& saved) {
  return {x.data(), saved.mean.data(), saved.inv_std.data(), gamma.defined() ? gamma.data() : nullptr};
}

// Number of values behind one channel's statistics; also checks x, gamma and beta.
int64_t check_inputs(const char* op, const Tensor& x, const Tensor& gamma) {
  EBM_CHECK(x.rank() == 4 || x.rank() == 2, op, to_string(x.shape()), "x (N,H,W,C) or (N,C)");
  EBM_CHECK(x.size() > 0, op, to_string(x.shape()), "at least one element");
  if (gamma.defined()) {
    check_shape(op, "gamma", gamma, {x.shape().back()});
    check_same_device(op, x, gamma);
  }
  return x.size() / x.shape().back();
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps,
                  BatchNormSaved& saved) {
  const int64_t count = check_inputs("batch_norm", x, gamma), channels = x.shape().back();
  check_shape("batch_norm", "beta", beta, {channels});
  check_same_device("batch_norm", x, beta);
  saved.mean = Tensor::empty({channels}, x.device());
  saved.inv_std = Tensor::empty({channels}, x.device());
  reduce_columns<2>(x.device(), count, channels, Moments{x.data()},
                    FinishMoments{saved.mean.mutable_data(), saved.inv_std.mutable_data(),
                                  static_cast<double>(count), eps});
  Tensor y = Tensor::empty(x.shape(), x.device());
  const Normalised in = normalised(x, gamma, saved);
  float* out = y.mutable_data();
  if (gamma.defined()) map_channels(x.device(), count, channels, Value<true>{in, beta.data(), out});
  else map_channels(x.device(), count, channels, Value<false>{in, beta.data(), out});
  return y;
}

BatchNormGradients batch_norm_backward(const Tensor& x, const Tensor& gamma, const Tensor& dy,
                                       const BatchNormSaved& saved) {
  const int64_t count = check_inputs("batch_norm_backward", x, gamma), channels = x.shape().back();
  check_same_shape("batch_norm_backward", x, dy);
  check_shape("batch_norm_backward", "saved.mean", saved.mean, {channels});
  Tensor dbeta = Tensor::empty({channels}, x.device());
  Tensor dgamma = Tensor::empty({channels}, x.device());
  const Normalised in = normalised(x, gamma, saved);
  reduce_columns<2>(x.device(), count, channels, GradientTerms{in, dy.data()},
                    FinishGradients{dbeta.mutable_data(), dgamma.mutable_data()});
  Tensor dx = Tensor::empty(x.shape(), x.device());
  const float inv_count = 1.0f / static_cast<float>(count);
  float* out = dx.mutable_data();
  if (gamma.defined()) {
    map_channels(x.device(), count, channels,
                 Derivative<true>{in, dy.data(), dbeta.data(), dgamma.data(), out, inv_count});
  } else {
    map_channels(x.device(), count, channels,
                 Derivative<false>{in, dy.data(), dbeta.data(), dgamma.data(), out, inv_count});
  }
  return {dx, gamma.defined() ? dgamma : Tensor{}, dbeta};
}

}  // namespace ebm
