#include "tests/autograd/gradient_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "kernels/elementwise.h"
#include "tests/random_tensor.h"

namespace ebm {

double gradient_error(const GradientCase& c, Device device) {
  std::vector<Tensor> values;
  for (const Shape& shape : c.inputs) {
    Tensor x = Tensor::empty(shape, device);
    fill_uniform(x, {7, Stream::init, static_cast<uint32_t>(values.size())}, c.low, c.high);
    values.push_back(x);
  }
  // Σ y·c in double on the host, so that the difference of two sums keeps its digits
  std::vector<float> weights;
  const auto loss = [&](const std::vector<Tensor>& at) {
    std::vector<Var> inputs(at.begin(), at.end());
    const std::vector<float> y = c.op(inputs).value().to_host();
    double total = 0;
    for (size_t i = 0; i < y.size(); ++i) total += static_cast<double>(y[i]) * weights[i];
    return total;
  };

  std::vector<Tensor> gradients;
  {
    Tape tape;
    std::vector<Var> inputs(values.begin(), values.end());
    const Var y = c.op(inputs);
    Tensor coefficients = Tensor::empty(y.shape(), device);
    fill_uniform(coefficients, {8, Stream::init, 0}, 0.5f, 1.5f);
    weights = coefficients.to_host();
    gradients = tape.gradient(sum(mul(y, Var(coefficients))), inputs);
  }

  double worst = 0;
  for (size_t k = 0; k < values.size(); ++k) {
    const std::vector<float> tape_gradient = gradients[k].to_host();
    std::vector<float> x = values[k].to_host();
    double largest = 1e-3, error = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const float centre = x[i];
      const auto at = [&](float value) {
        std::vector<Tensor> moved = values;
        x[i] = value;
        moved[k] = Tensor::from_host(x, c.inputs[k], device);
        x[i] = centre;
        return loss(moved);
      };
      constexpr float kStep = 1e-2f;
      const double difference = (at(centre + kStep) - at(centre - kStep)) / (2.0 * kStep);
      largest = std::max(largest, std::abs(difference));
      error = std::max(error, std::abs(difference - tape_gradient[i]));
    }
    worst = std::max(worst, error / largest);
  }
  return worst;
}

namespace {

using In = const std::vector<Var>&;

LuPattern lu_pattern() {
  const std::vector<float> rows{2, 0, 3, 1}, signs{1, -1, -1, 1};
  return {Tensor::from_host(rows, {4}, test_device()), Tensor::from_host(signs, {4}, test_device())};
}

// Every op once or more. Ranges keep clear of kinks (a step of 1e-2 must not cross one) and poles.
const std::vector<GradientCase>& cases() {
  static const ConvGeometry same{2, {1, 2}};
  static const ConvGeometry after{2, {0, 1}};
  static ConvGeometry uneven;
  uneven.stride_h = 1, uneven.stride_w = 2, uneven.pad_h = {2, 0}, uneven.pad_w = {0, 1};
  static const RandomKey mask{3, Stream::dropout, 1, 2};
  static const std::vector<GradientCase> table = {
      {"conv2d 5x5 s2 [1,2]", {{2, 8, 8, 1}, {3, 5, 5, 1}, {3}}, [](In v) { return conv2d(v[0], v[1], v[2], same); }},
      {"conv2d 3x3 s2 [0,1]", {{2, 6, 6, 3}, {4, 3, 3, 3}, {4}}, [](In v) { return conv2d(v[0], v[1], v[2], after); }},
      {"conv2d 3x3 s1 [1,1]",
       {{2, 5, 6, 3}, {4, 3, 3, 3}, {4}},
       [](In v) {
         return conv2d(v[0], v[1], v[2], {1, {1, 1}});
       }},
      {"conv2d uneven, no bias", {{2, 5, 6, 2}, {3, 2, 3, 2}}, [](In v) { return conv2d(v[0], v[1], Var(), uneven); }},
      {"conv2d valid, whole map", {{2, 4, 4, 3}, {2, 4, 4, 3}, {2}}, [](In v) { return conv2d(v[0], v[1], v[2], {}); }},
      {"conv2d + map of biases + leaky_relu",
       {{2, 6, 6, 2}, {4, 3, 3, 2}, {2, 6, 6, 4}},
       [](In v) {
         return conv2d(v[0], v[1], v[2], {1, {1, 1}}, 0.2f);
       },
       0.1f,
       0.4f},
      {"conv2d + leaky_relu",
       {{2, 6, 6, 2}, {4, 3, 3, 2}, {4}},
       [](In v) {
         return conv2d(v[0], v[1], v[2], {1, {1, 1}}, 0.2f);
       },
       0.1f,
       0.4f},
      {"conv_transpose2d 4x4 valid",
       {{3, 1, 1, 5}, {5, 4, 4, 3}},
       [](In v) { return conv_transpose2d(v[0], v[1], Var(), {}); }},
      {"conv_transpose2d 3x3 s2 [0,1]",
       {{2, 3, 3, 3}, {3, 3, 3, 2}, {2}},
       [](In v) { return conv_transpose2d(v[0], v[1], v[2], after); }},
      {"conv_transpose2d 4x4 s2 [1,1]",
       {{2, 3, 4, 3}, {3, 4, 4, 2}, {2}},
       [](In v) {
         return conv_transpose2d(v[0], v[1], v[2], {2, {1, 1}});
       }},
      {"conv_transpose2d + leaky_relu",
       {{2, 3, 3, 3}, {3, 3, 3, 2}, {2}},
       [](In v) { return conv_transpose2d(v[0], v[1], v[2], after, 0.2f); },
       0.1f,
       0.4f},
      {"conv_transpose2d twice, below 0",
       {{2, 3, 3, 3}, {3, 3, 3, 2}, {2}, {2, 3, 3, 1}},
       [](In v) {
         const Var h = conv_transpose2d(scale(v[0], -1.0f), v[1], scale(v[2], -1.0f), after, 0.2f);
         return conv_transpose2d(h, v[3], Var(), after);
       },
       0.1f,
       0.4f},
      {"tanh_error",
       {{3, 2, 2, 2}},
       [](In v) {
         return tanh_error(v[0], full({3, 2, 2, 2}, 0.3f, v[0].value().device()));
       }},
      {"linear", {{4, 6}, {3, 6}, {3}}, [](In v) { return linear(v[0], v[1], v[2]); }},
      {"linear to one", {{4, 33}, {1, 33}, {1}}, [](In v) { return linear(v[0], v[1], v[2]); }},
      {"linear, no bias", {{1, 6}, {3, 6}}, [](In v) { return linear(v[0], v[1], Var()); }},
      {"batch_norm shift", {{6, 2, 2, 3}, {3}}, [](In v) { return square(batch_norm(v[0], Var(), v[1])); }},
      {"batch_norm scale and shift", {{8, 3}, {3}, {3}}, [](In v) { return square(batch_norm(v[0], v[1], v[2])); }},
      {"instance_norm", {{3, 3, 2, 5}}, [](In v) { return square(instance_norm(v[0])); }},
      {"instance_norm scale and shift",
       {{2, 4, 3, 3}, {3}, {3}},
       [](In v) { return square(instance_norm(v[0], v[1], v[2])); }},
      {"instance_norm scale and shift of each image",
       {{2, 4, 3, 3}, {2, 3}, {2, 3}},
       [](In v) { return square(instance_norm(v[0], v[1], v[2])); }},
      {"instance_norm shift alone", {{2, 4, 3, 3}, {2, 3}}, [](In v) { return square(instance_norm(v[0], {}, v[1])); }},
      {"dropout", {{5, 7}}, [](In v) { return dropout(v[0], 0.6f, mask, 3); }},
      {"relu positive", {{3, 4}}, [](In v) { return relu(v[0]); }, 0.1f, 1.0f},
      {"relu negative", {{3, 4}}, [](In v) { return relu(v[0]); }, -1.0f, -0.1f},
      {"leaky_relu negative", {{3, 4}}, [](In v) { return leaky_relu(v[0], 0.2f); }, -1.0f, -0.1f},
      {"tanh", {{3, 4}}, [](In v) { return tanh(v[0]); }},
      {"swish", {{3, 4}}, [](In v) { return swish(v[0]); }, -3.0f, 3.0f},
      {"sigmoid", {{3, 4}}, [](In v) { return sigmoid(v[0]); }, -3.0f, 3.0f},
      {"softplus", {{3, 4}}, [](In v) { return softplus(v[0]); }, -3.0f, 3.0f},
      {"square", {{3, 4}}, [](In v) { return square(v[0]); }},
      {"exp", {{3, 4}}, [](In v) { return exp(v[0]); }},
      {"log", {{3, 4}}, [](In v) { return log(v[0]); }, 0.5f, 2.0f},
      {"abs", {{3, 4}}, [](In v) { return abs(v[0]); }, -1.0f, -0.1f},
      {"scale", {{3, 4}}, [](In v) { return scale(v[0], -2.5f); }},
      {"add", {{3, 4}, {3, 4}}, [](In v) { return add(v[0], v[1]); }},
      {"sub", {{3, 4}, {3, 4}}, [](In v) { return sub(v[0], v[1]); }},
      {"mul", {{3, 4}, {3, 4}}, [](In v) { return mul(v[0], v[1]); }},
      {"mul with itself", {{3, 4}}, [](In v) { return mul(v[0], v[0]); }},
      {"add_bias", {{3, 2, 2, 4}, {4}}, [](In v) { return add_bias(v[0], v[1]); }},
      {"sum", {{3, 4}}, [](In v) { return square(sum(v[0])); }, 0.1f, 0.3f},
      {"mean", {{3, 4}}, [](In v) { return square(mean(v[0])); }, 0.1f, 0.3f},
      {"sum_rows", {{3, 2, 2}}, [](In v) { return square(sum_rows(v[0])); }},
      {"mean_rows", {{3, 2, 2}}, [](In v) { return square(mean_rows(v[0])); }},
      {"sum_first", {{3, 2, 2}}, [](In v) { return square(sum_first(v[0])); }},
      {"logsumexp_rows", {{3, 5}}, [](In v) { return logsumexp_rows(v[0]); }, -2.0f, 2.0f},
      {"scale_rows", {{3, 2, 4}, {3}}, [](In v) { return scale_rows(v[0], v[1]); }},
      {"scale_channels", {{3, 2, 4}, {4}}, [](In v) { return scale_channels(v[0], v[1]); }},
      {"lu_matrix", {{4, 4}, {4}, {4, 4}}, [](In v) { return lu_matrix(v[0], v[1], v[2], lu_pattern()); }},
      {"space_to_depth", {{2, 4, 6, 3}}, [](In v) { return square(space_to_depth(v[0])); }},
      {"depth_to_space", {{2, 2, 3, 8}}, [](In v) { return square(depth_to_space(v[0])); }},
      {"average_pool2d 2x2 s2",
       {{2, 4, 6, 3}},
       [](In v) {
         return square(average_pool2d(v[0], 2, {2, {0, 0}}));
       }},
      {"average_pool2d 3x3, uneven", {{2, 5, 6, 2}}, [](In v) { return square(average_pool2d(v[0], 3, uneven)); }},
      {"average_pixels", {{2, 3, 4, 3}}, [](In v) { return square(average_pixels(v[0])); }},
      {"reshape",
       {{3, 4}},
       [](In v) {
         return square(reshape(v[0], {2, 6}));
       }},
      {"concat_channels", {{2, 3, 2}, {2, 3, 4}}, [](In v) { return square(concat_channels(v[0], v[1])); }},
      {"slice_channels", {{2, 3, 5}}, [](In v) { return square(slice_channels(v[0], 1, 3)); }},
  };
  return table;
}

}  // namespace

TEST_CASE("every op's gradient agrees with central differences") {
  for (const GradientCase& c : cases()) {
    CAPTURE(c.name);
    CHECK(gradient_error(c, test_device()) < 2e-3);
  }
}

TEST_CASE("leaky_relu fused into conv2d has the gradient of the two ops apart") {
  const Tensor x = normal({3, 6, 6, 2}, 1), w = normal({4, 3, 3, 2}, 2);
  const Tensor b = Tensor::zeros({4}, x.device());
  const auto gradients = [&](bool fused) {
    Tape tape;
    const Var vx(x), vw(w), vb(b);
    const ConvGeometry geometry{2, {0, 1}};
    const Var y = fused ? conv2d(vx, vw, vb, geometry, 0.2f) : leaky_relu(conv2d(vx, vw, vb, geometry), 0.2f);
    return tape.gradient(sum(square(y)), {vx, vw, vb});
  };
  const auto fused = gradients(true), apart = gradients(false);
  for (int k = 0; k < 3; ++k) {
    const auto f = fused[k].to_host(), a = apart[k].to_host();
    for (size_t i = 0; i < f.size(); ++i) CHECK(f[i] == doctest::Approx(a[i]).epsilon(1e-4).scale(1));
  }
}

}  // namespace ebm
