#include "models/flow/flow.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

FlowConfig of_images(const ImageShape& image, std::vector<int64_t> steps) {
  return {.image = image, .steps = std::move(steps), .width = 8};
}
FlowConfig of_points() { return {.image = {1, 1, 2}, .steps = {4}, .squeeze = false, .width = 16, .kernel = 1}; }

// A flow that has learned something: every parameter moved from where it begins.
Flow moved(const FlowConfig& config, float stddev) {
  Flow flow(config, test_device(), 3);
  add_scaled(flow.parameters().flat(), normal({flow.parameters().size()}, 7), stddev);
  return flow;
}

std::vector<FlowConfig> configs() {
  return {of_points(), of_images({4, 4, 1}, {2}), of_images({4, 4, 3}, {1, 2}), of_images({28, 28, 1}, {2, 2})};
}

Shape batch(const FlowConfig& c, int64_t n) { return {n, c.image.height, c.image.width, c.image.channels}; }

// log|det m| by Gaussian elimination.
double log_abs_det(std::vector<double> m, size_t n) {
  double sum = 0;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k + 1; i < n; ++i)
      if (std::abs(m[i * n + k]) > std::abs(m[pivot * n + k])) pivot = i;
    for (size_t j = 0; j < n; ++j) std::swap(m[k * n + j], m[pivot * n + j]);
    sum += std::log(std::abs(m[k * n + k]));
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = m[i * n + k] / m[k * n + k];
      for (size_t j = k; j < n; ++j) m[i * n + j] -= factor * m[k * n + j];
    }
  }
  return sum;
}

// log|det| of one row as the flow has it.
double log_det(const Flow::Encoded& e) {
  return e.log_det.rows.value().to_host()[0] + e.log_det.same.value().to_host()[0];
}

}  // namespace

TEST_CASE("a flow's decode undoes its encode, and the other way round") {
  for (const FlowConfig& config : configs()) {
    CAPTURE(config.image.height);
    const Tensor x = normal(batch(config, 3), 1);
    for (const float stddev : {0.0f, 0.05f}) {
      const Flow flow = moved(config, stddev);
      const Flow::Frozen g(flow);
      const Tensor z = flow.encode(Var(x)).z.value();
      CHECK(z.shape() == Shape{3, flow.dimension()});
      CHECK(relative_error(g.decode(Var(z)).value().to_host(), x.to_host()) < 1e-4);
      const Tensor noise = normal(z.shape(), 2);
      CHECK(relative_error(flow.encode(g.decode(Var(noise))).z.value().to_host(), noise.to_host()) < 1e-3);
    }
  }
}

TEST_CASE("a flow's log-determinant is that of its Jacobian") {
  for (const FlowConfig& config : {of_points(), of_images({4, 4, 1}, {2}), of_images({4, 4, 3}, {1, 2})}) {
    CAPTURE(config.image.channels);
    const Flow flow = moved(config, 0.1f);
    const Tensor x = normal(batch(config, 1), 1);
    const int64_t n = flow.dimension();
    std::vector<double> jacobian;
    for (int64_t i = 0; i < n; ++i) {  // a row of it from each backward pass
      Tape tape;
      const Var at(x);
      const Var one = sum(slice_channels(flow.encode(at).z, i, 1));
      for (const float v : tape.gradient(one, {at})[0].to_host()) jacobian.push_back(v);
    }
    const double expected = log_abs_det(jacobian, static_cast<size_t>(n));
    CHECK(log_det(flow.encode(Var(x))) == doctest::Approx(expected).epsilon(1e-4));
    CHECK(std::abs(expected) > 0.1);
  }
}

TEST_CASE("the gradient of a flow's density by its parameters agrees with differences") {
  const FlowConfig config = of_images({4, 4, 1}, {1, 1});
  Flow flow = moved(config, 0.1f);
  const Tensor x = normal(batch(config, 64), 1);
  const auto loss = [&] { return mean(flow.log_density(Var(x))); };
  Tape tape;
  const std::vector<Tensor> gradient = tape.gradient(loss(), flow.parameters().vars());
  const Tensor at = flow.parameters().flat().clone();
  for (size_t i = 0; i < gradient.size(); ++i) {  // along each parameter's own gradient
    CAPTURE(flow.parameters().entries()[i].name);
    double squared = 0;
    for (const float g : gradient[i].to_host()) squared += static_cast<double>(g) * g;
    if (squared < 1e-10) continue;  // a factor that is not looked at
    const auto moved_by = [&](double step) {
      Tensor part = flow.parameters().view(flow.parameters().flat(), i);
      add_scaled(part, gradient[i], static_cast<float>(step / std::sqrt(squared)));
      const double value = loss().value().to_host()[0];
      flow.parameters().flat().copy_from(at);
      return value;
    };
    constexpr double kStep = 2e-3;  // few kinks of ReLU within it
    const double slope = (moved_by(kStep) - moved_by(-kStep)) / (2 * kStep);
    CHECK(slope == doctest::Approx(std::sqrt(squared)).epsilon(0.03).scale(0.02));
  }
}

TEST_CASE("the density of a flow of points integrates to 1") {
  const Flow flow = moved(of_points(), 0.1f);
  constexpr int64_t kEdge = 300;
  constexpr double kReach = 9;
  std::vector<float> grid;
  for (int64_t i = 0; i < kEdge * kEdge; ++i) {
    grid.push_back(static_cast<float>(((i % kEdge) + 0.5) * 2 * kReach / kEdge - kReach));
    grid.push_back(static_cast<float>(((i / kEdge) + 0.5) * 2 * kReach / kEdge - kReach));
  }
  const Tensor x = Tensor::from_host(grid, {kEdge * kEdge, 1, 1, 2}, test_device());
  double total = 0;
  for (const float v : flow.log_density(Var(x)).value().to_host())
    total += std::exp(double{v}) * std::pow(2 * kReach / kEdge, 2);
  CHECK(total == doctest::Approx(1).epsilon(0.005));
}

TEST_CASE("activation normalisation begins with what a batch needs") {
  const FlowConfig config = of_images({8, 8, 1}, {3});
  Flow flow(config, test_device(), 3);
  const Tensor x = normal(batch(config, 64), 1, 3, 5);
  flow.initialise(x);
  const ChannelMoments z = channel_moments(reshape(flow.encode(Var(x)).z, {64 * 16, 4}).value());
  double squares = 0;
  for (size_t c = 0; c < z.mean.size(); ++c) squares += z.deviation[c] * z.deviation[c] / 4;
  // each coupling halves its channels' deviations less σ(2) = 0.88, each rotation keeps the sum of their squares
  CHECK(std::sqrt(squares) > 0.8);
  CHECK(std::sqrt(squares) < 1.0);
}

TEST_CASE("a flow begins as rotations and constant factors, and refuses what it cannot halve") {
  const FlowConfig config = of_points();
  const Flow flow(config, test_device(), 3);
  const Tensor x = normal(batch(config, 5), 1);
  const Flow::Encoded e = flow.encode(Var(x));
  for (const float v : e.log_det.rows.value().to_host())
    CHECK(v == doctest::Approx(-4 * std::log1p(std::exp(-2.0))));  // four couplings of one number by σ(2)
  CHECK(e.log_det.same.value().to_host()[0] == doctest::Approx(0).epsilon(1e-5).scale(1));
  CHECK_THROWS_WITH_AS(Flow(of_images({28, 28, 1}, {1, 1, 1}), kCpu, 1), doctest::Contains("halved"), Error);
  CHECK_THROWS_WITH_AS(Flow({.image = {1, 1, 1}, .steps = {1}, .squeeze = false}, kCpu, 1), doctest::Contains("couple"),
                       Error);
}

}  // namespace ebm
