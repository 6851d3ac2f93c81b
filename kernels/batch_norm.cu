#include "kernels/batch_norm.h"

#include <string>

#include "core/communicator.h"
#include "kernels/norm_terms.h"

namespace ebm {
namespace {

// y = γ·x̂ + β
struct Value {
  EBM_HD void operator()(float& y, float x, float mean, float inv_std, float beta, float gamma = 1.0f) const {
    y = gamma * normalised(x, mean, inv_std) + beta;
  }
};

// Over ranks: the two sums of each channel and then the number of values behind them, (2C + 1), as all ranks' are summed.
struct StoreSums {
  double* sums;
  EBM_HD void operator()(int64_t c, const Sums<2>& own) const {
    sums[2 * c] = own.v[0];
    sums[2 * c + 1] = own.v[1];
  }
};
struct StoreCount {
  double *to, count;
  EBM_HD void operator()(int64_t) const { *to = count; }
};
template <class Finish>
struct FinishOfAll {
  const double *sums, *count;
  Finish finish;
  EBM_HD void operator()(int64_t c) const {
    Finish of_all = finish;
    of_all.count = *count;
    of_all(c, Sums<2>{{sums[2 * c], sums[2 * c + 1]}});
  }
};

// mean(dy) and mean(dy·x̂)
struct FinishMeans {
  float *dy, *dy_x_hat;  // (C)
  double count;          // N·H·W
  EBM_HD void operator()(int64_t c, const Sums<2>& sums) const {
    dy[c] = static_cast<float>(sums.v[0] / count);
    dy_x_hat[c] = static_cast<float>(sums.v[1] / count);
  }
};

// dx = γ/std · (dy - mean(dy) - x̂·mean(dy·x̂)): mean and variance depend on every x of the channel.
struct Derivative {
  float inv_count;
  EBM_HD void operator()(float& dx, float x, float dy, float mean, float inv_std, float dbeta, float dgamma,
                         float gamma = 1.0f) const {
    const float x_hat = normalised(x, mean, inv_std);
    dx = gamma * inv_std * (dy - dbeta * inv_count - x_hat * (dgamma * inv_count));
  }
};

ReadChannel channels_of(const Tensor& values) { return {values.data(), values.size()}; }

// finish(c, sums of f over the values of all ranks), its count being theirs.
template <class F, class Finish>
void finish_of_all(Device device, int64_t count, int64_t channels, const F& f, const Finish& finish) {
  Tensor scratch = double_scratch(2 * channels + 1, device);
  double *const sums = doubles(scratch), *const of_all = sums + 2 * channels;
  reduce_columns<2>(device, count, channels, f, StoreSums{sums});
  map(device, 1, StoreCount{of_all, static_cast<double>(count)});
  world().sum_doubles(sums, 2 * channels + 1, device);
  map(device, channels, FinishOfAll<Finish>{sums, of_all, finish});
}

// Number of this rank's values behind one channel's statistics; also checks x, gamma and beta.
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

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps, BatchNormSaved& saved) {
  const int64_t count = check_inputs("batch_norm", x, gamma), channels = x.shape().back();
  check_shape("batch_norm", "beta", beta, {channels});
  check_same_device("batch_norm", x, beta);
  saved.mean = Tensor::empty({channels}, x.device());
  saved.inv_std = Tensor::empty({channels}, x.device());
  const FinishMoments finish{saved.mean.mutable_data(), saved.inv_std.mutable_data(), static_cast<double>(count), eps};
  if (world().alone())
    reduce_columns<2>(x.device(), count, channels, Moments{x.data()}, finish);
  else
    finish_of_all(x.device(), count, channels, Moments{x.data()}, finish);
  Tensor y = Tensor::empty(x.shape(), x.device());
  const auto run = [&](const auto&... scale) {
    map_channel_values(x.device(), count, channels, Value{}, Write{y.mutable_data()}, Read{x.data()},
                       channels_of(saved.mean), channels_of(saved.inv_std), channels_of(beta), scale...);
  };
  if (gamma.defined())
    run(channels_of(gamma));
  else
    run();
  return y;
}

BatchNormGradients batch_norm_backward(const Tensor& x, const Tensor& gamma, const Tensor& dy,
                                       const BatchNormSaved& saved) {
  const int64_t count = check_inputs("batch_norm_backward", x, gamma), channels = x.shape().back();
  check_same_shape("batch_norm_backward", x, dy);
  check_shape("batch_norm_backward", "saved.mean", saved.mean, {channels});
  const GradientTerms terms{x.data(), saved.mean.data(), saved.inv_std.data(), dy.data()};
  Tensor dbeta = Tensor::empty({channels}, x.device()), dgamma = Tensor::empty({channels}, x.device());
  reduce_columns<2>(x.device(), count, channels, terms, FinishGradients{dbeta.mutable_data(), dgamma.mutable_data()});
  // dx takes the sums of all ranks; the parameters' gradients are summed over ranks with all others'
  Tensor all_beta = dbeta, all_gamma = dgamma;
  float inv_count = 1.0f / static_cast<float>(count);
  if (!world().alone()) {
    all_beta = Tensor::empty({channels}, x.device()), all_gamma = Tensor::empty({channels}, x.device());
    finish_of_all(x.device(), count, channels, terms,
                  FinishMeans{all_beta.mutable_data(), all_gamma.mutable_data(), 1});
    inv_count = 1;
  }
  Tensor dx = Tensor::empty(x.shape(), x.device());
  const auto run = [&](const auto&... scale) {
    map_channel_values(x.device(), count, channels, Derivative{inv_count}, Write{dx.mutable_data()}, Read{x.data()},
                       Read{dy.data()}, channels_of(saved.mean), channels_of(saved.inv_std), channels_of(all_beta),
                       channels_of(all_gamma), scale...);
  };
  if (gamma.defined())
    run(channels_of(gamma));
  else
    run();
  return {dx, gamma.defined() ? dgamma : Tensor{}, dbeta};
}

}  // namespace ebm
