#include "kernels/instance_norm.h"

#include <string>

#include "core/check.h"
#include "kernels/norm_terms.h"
#include "kernels/reduce.h"

namespace ebm {
namespace {

// The shape of x, and places in it: i of an element, k = n·C + c of its statistics.
struct Images {
  int64_t count, pixels, channels;
  int64_t columns() const { return count * channels; }
};

// On a GPU all statistics are sums over the columns of one array (pixels, N·C), whose element i, in column k, lies elsewhere
// in x. On the CPU, where two divisions an element would be slower than the sums, each image is an array.
template <class F>
struct AcrossImages {
  F f;
  int64_t pixels, channels, columns;
  EBM_HD Sums<2> operator()(int64_t i, int64_t k) const {
    const int64_t n = k / channels, pixel = i / columns;
    return f((n * pixels + pixel) * channels + k - n * channels, k);
  }
};
template <class F>
struct OfImage {
  F f;
  int64_t first, column;
  EBM_HD Sums<2> operator()(int64_t i, int64_t c) const { return f(first + i, column + c); }
};
template <class Finish>
struct FinishImage {
  Finish finish;
  int64_t column;
  EBM_HD void operator()(int64_t c, const Sums<2>& sums) const { finish(column + c, sums); }
};

// finish(k, sums of f(i, k) over the pixels)
template <class F, class Finish>
void reduce_images(Device device, const Images& s, const F& f, const Finish& finish) {
  if (device.is_cuda())
    return reduce_columns<2>(device, s.pixels, s.columns(), AcrossImages<F>{f, s.pixels, s.channels, s.columns()},
                             finish);
  for (int64_t n = 0; n < s.count; ++n)
    reduce_columns<2>(device, s.pixels, s.channels, OfImage<F>{f, n * s.pixels * s.channels, n * s.channels},
                      FinishImage<Finish>{finish, n * s.channels});
}

// f(i, k, c) for every element.
template <class F>
struct Divided {
  F f;
  int64_t image, channels;  // elements
  EBM_HD void operator()(int64_t i) const {
    const int64_t c = i % channels;
    f(i, i / image * channels + c, c);
  }
};
template <class F>
struct PixelOnCpu {
  F f;
  int64_t pixels, channels;
  void operator()(int64_t row) const {
    const int64_t first = row * channels, k = row / pixels * channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) f(first + c, k + c, c);
  }
};
template <class F>
void map_images(Device device, const Images& s, const F& f) {
  if (device.is_cuda())
    map(device, s.columns() * s.pixels, Divided<F>{f, s.pixels * s.channels, s.channels});
  else {
    const PixelOnCpu<F> pixel{f, s.pixels, s.channels};
    const int64_t rows = s.count * s.pixels;
#pragma omp parallel for schedule(static) if (rows * s.channels >= kParallelGrain)
    for (int64_t row = 0; row < rows; ++row) pixel(row);
  }
}

// Scales or shifts: of each channel, (C), or of each image's, (N,C); data nullptr: none.
struct Factors {
  const float* data;
  bool each_image;
  EBM_HD float at(int64_t k, int64_t c) const { return data[each_image ? k : c]; }
};
Factors factors(const Tensor& t) { return t.defined() ? Factors{t.data(), t.rank() == 2} : Factors{nullptr, false}; }

struct Value {
  const float *x, *mean, *inv_std;
  Factors gamma, beta;
  float* y;
  EBM_HD void operator()(int64_t i, int64_t k, int64_t c) const {
    const float x_hat = normalised(x[i], mean[k], inv_std[k]);
    const float scaled = gamma.data ? gamma.at(k, c) * x_hat : x_hat;
    y[i] = beta.data ? scaled + beta.at(k, c) : scaled;
  }
};

// dx = γ/std · (dy − mean(dy) − x̂·mean(dy·x̂))
struct Derivative {
  const float *x, *dy, *mean, *inv_std, *sum_dy, *sum_dy_x_hat;
  Factors gamma;
  float inv_pixels;
  float* dx;
  EBM_HD void operator()(int64_t i, int64_t k, int64_t c) const {
    const float x_hat = normalised(x[i], mean[k], inv_std[k]);
    const float d = inv_std[k] * (dy[i] - sum_dy[k] * inv_pixels - x_hat * (sum_dy_x_hat[k] * inv_pixels));
    dx[i] = gamma.data ? gamma.at(k, c) * d : d;
  }
};

Images check_inputs(const char* op, const Tensor& x, const Tensor& gamma, const Tensor& beta) {
  EBM_CHECK(x.rank() == 4 && x.size() > 0, op, to_string(x.shape()), "x (N,H,W,C)");
  for (const Tensor* t : {&gamma, &beta}) {
    if (!t->defined()) continue;
    const int64_t channels = x.extent(3);
    check_shape(op, "gamma and beta", *t, t->rank() == 2 ? Shape{x.extent(0), channels} : Shape{channels});
    check_same_device(op, x, *t);
  }
  return {x.extent(0), x.extent(1) * x.extent(2), x.extent(3)};
}

// The gradient of scales or shifts from those of each image's, (N,C).
Tensor gathered(const Tensor& of_images, const Tensor& factors) {
  if (!factors.defined()) return {};
  return factors.rank() == 2 ? of_images : sum_columns(of_images);
}

}  // namespace

Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps, InstanceNormSaved& saved) {
  const Images s = check_inputs("instance_norm", x, gamma, beta);
  saved.mean = Tensor::empty({s.count, s.channels}, x.device());
  saved.inv_std = Tensor::empty({s.count, s.channels}, x.device());
  reduce_images(
      x.device(), s, Moments{x.data()},
      FinishMoments{saved.mean.mutable_data(), saved.inv_std.mutable_data(), static_cast<double>(s.pixels), eps});
  Tensor y = Tensor::empty(x.shape(), x.device());
  map_images(x.device(), s,
             Value{x.data(), saved.mean.data(), saved.inv_std.data(), factors(gamma), factors(beta), y.mutable_data()});
  return y;
}

InstanceNormGradients instance_norm_backward(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& dy,
                                             const InstanceNormSaved& saved) {
  const Images s = check_inputs("instance_norm_backward", x, gamma, beta);
  check_same_shape("instance_norm_backward", x, dy);
  check_shape("instance_norm_backward", "saved.mean", saved.mean, {s.count, s.channels});
  Tensor sum_dy = Tensor::empty({s.count, s.channels}, x.device());
  Tensor sum_dy_x_hat = Tensor::empty({s.count, s.channels}, x.device());
  reduce_images(x.device(), s, GradientTerms{x.data(), saved.mean.data(), saved.inv_std.data(), dy.data()},
                FinishGradients{sum_dy.mutable_data(), sum_dy_x_hat.mutable_data()});
  Tensor dx = Tensor::empty(x.shape(), x.device());
  map_images(x.device(), s,
             Derivative{x.data(), dy.data(), saved.mean.data(), saved.inv_std.data(), sum_dy.data(),
                        sum_dy_x_hat.data(), factors(gamma), 1.0f / static_cast<float>(s.pixels), dx.mutable_data()});
  return {dx, gathered(sum_dy_x_hat, gamma), gathered(sum_dy, beta)};
}

}  // namespace ebm
