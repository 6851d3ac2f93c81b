#include "kernels/batch_norm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/check.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

constexpr float kEps = 1e-5f;

using Doubles = std::vector<double>;
Doubles doubles(const Tensor& x) {
  const auto v = x.to_host();
  return {v.begin(), v.end()};
}

// The definition, in double and in two passes.
Doubles reference(const Doubles& x, const Doubles& gamma, const Doubles& beta) {
  const size_t channels = beta.size(), count = x.size() / channels;
  Doubles y(x.size());
  for (size_t c = 0; c < channels; ++c) {
    double mean = 0, variance = 0;
    for (size_t i = c; i < x.size(); i += channels) mean += x[i] / count;
    for (size_t i = c; i < x.size(); i += channels) variance += (x[i] - mean) * (x[i] - mean) / count;
    const double scale = (gamma.empty() ? 1 : gamma[c]) / std::sqrt(variance + kEps);
    for (size_t i = c; i < x.size(); i += channels) y[i] = scale * (x[i] - mean) + beta[c];
  }
  return y;
}

}  // namespace

TEST_CASE("batch normalisation agrees with its definition") {
  for (const Shape& shape : {Shape{4, 5, 6, 3}, Shape{7, 1, 1, 1}, Shape{50, 100}, Shape{16, 8, 8, 64},
                             Shape{2, 3, 3, 513}, Shape{100, 14, 14, 10}}) {
    CAPTURE(to_string(shape));
    const Tensor x = normal(shape, 1, 3, 2), beta = normal({shape.back()}, 3);
    for (const Tensor& gamma : {normal({shape.back()}, 2), Tensor{}}) {
      BatchNormSaved saved;
      const auto y = batch_norm(x, gamma, beta, kEps, saved).to_host();
      const auto expected = reference(doubles(x), gamma.defined() ? doubles(gamma) : Doubles{}, doubles(beta));
      double error = 0;
      for (size_t i = 0; i < y.size(); ++i) error = std::max(error, std::abs(y[i] - expected[i]));
      CHECK(error < 5e-6);
    }
  }
}

TEST_CASE("a mean far from zero does not spoil the variance") {
  const Tensor x = normal({64, 8, 8, 5}, 1, 1000, 1), beta = Tensor::zeros({5}, test_device());
  BatchNormSaved saved;
  batch_norm(x, {}, beta, kEps, saved);
  const auto v = x.to_host(), inv_std = saved.inv_std.to_host();
  for (size_t c = 0; c < 5; ++c) {
    double mean = 0, variance = 0;
    for (size_t i = c; i < v.size(); i += 5) mean += v[i] / 4096.0;
    for (size_t i = c; i < v.size(); i += 5) variance += (v[i] - mean) * (v[i] - mean) / 4096.0;
    CHECK(inv_std[c] == doctest::Approx(1 / std::sqrt(variance + kEps)).epsilon(1e-6));
  }
}

TEST_CASE("a constant channel becomes beta") {
  const Tensor x = Tensor::from_host(std::vector<float>(12, 0.1f), {2, 2, 3, 1}, test_device());
  const Tensor beta = Tensor::from_host(std::vector<float>{0.25f}, {1}, test_device());
  BatchNormSaved saved;
  for (float v : batch_norm(x, {}, beta, kEps, saved).to_host()) CHECK(v == doctest::Approx(0.25f).epsilon(1e-4));
}

TEST_CASE("batch normalisation's gradients agree with central differences") {
  for (const Shape& shape : {Shape{3, 2, 2, 5}, Shape{6, 70}}) {
    const int64_t channels = shape.back();
    const Tensor x = normal(shape, 1), beta = normal({channels}, 3), dy = normal(shape, 4);
    for (const Tensor& gamma : {normal({channels}, 2), Tensor{}}) {
      BatchNormSaved saved;
      batch_norm(x, gamma, beta, kEps, saved);
      const BatchNormGradients gradients = batch_norm_backward(x, gamma, dy, saved);
      CHECK(gradients.dgamma.defined() == gamma.defined());

      Doubles vx = doubles(x), vb = doubles(beta), vg = gamma.defined() ? doubles(gamma) : Doubles{};
      const Doubles weights = doubles(dy);
      const auto loss = [&] {  // Σ dy·y
        const Doubles y = reference(vx, vg, vb);
        double sum = 0;
        for (size_t i = 0; i < y.size(); ++i) sum += weights[i] * y[i];
        return sum;
      };
      const auto check_gradient = [&](Doubles& input, const Tensor& gradient) {
        const auto got = gradient.to_host();
        for (size_t i = 0; i < input.size(); ++i) {
          const double h = 1e-5, centre = input[i];
          input[i] = centre + h;
          const double above = loss();
          input[i] = centre - h;
          const double below = loss();
          input[i] = centre;
          CHECK(got[i] == doctest::Approx((above - below) / (2 * h)).epsilon(1e-4).scale(10));
        }
      };
      check_gradient(vx, gradients.dx);
      check_gradient(vb, gradients.dbeta);
      if (gamma.defined()) check_gradient(vg, gradients.dgamma);
    }
  }
}

TEST_CASE("batch normalisation gives the same bits for any number of threads") {
  const Tensor x = normal({30, 14, 14, 33}, 1), beta = normal({33}, 2), dy = normal({30, 14, 14, 33}, 3);
  const auto all = [&] {
    BatchNormSaved saved;
    auto values = batch_norm(x, {}, beta, kEps, saved).to_host();
    const auto dx = batch_norm_backward(x, {}, dy, saved).dx.to_host();
    values.insert(values.end(), dx.begin(), dx.end());
    return values;
  };
  set_num_threads(1);
  const auto one = all();
  set_num_threads(3);
  CHECK(all() == one);
  set_num_threads(0);
}

TEST_CASE("batch normalisation refuses wrong shapes") {
  BatchNormSaved saved;
  const Tensor x = normal({2, 2, 2, 3}, 1);
  CHECK_THROWS_AS(batch_norm(x, {}, normal({4}, 2), kEps, saved), Error);
  CHECK_THROWS_AS(batch_norm(x, normal({2}, 2), normal({3}, 2), kEps, saved), Error);
  CHECK_THROWS_AS(batch_norm(normal({2, 3, 3}, 1), {}, normal({3}, 2), kEps, saved), Error);
  CHECK_THROWS_AS(batch_norm(normal({0, 3}, 1), {}, normal({3}, 2), kEps, saved), Error);
}

}  // namespace ebm
