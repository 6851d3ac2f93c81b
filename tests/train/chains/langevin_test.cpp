#include "train/chains/langevin.h"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "autograd/ops.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "models/table.h"
#include "tests/fused_step.h"
#include "tests/random_tensor.h"
#include "tests/train/tiny_run.h"

namespace ebm {
TEST_CASE("the fused step is the update equation written in ops") {
  const LangevinStep step{0.3f, 0.2f, 4.0f, 0.0f};
  const RandomKey key{9, Stream::langevin, 5, 6};
  const Tensor start = normal({3, 5, 5, 1}, 1), df_dx = normal({3, 5, 5, 1}, 2);
  Tensor fused = start.clone();
  langevin_step(fused, df_dx, step, key, 7);

  Tensor xi = Tensor::empty(start.shape(), start.device());
  fill_normal(xi, key, 0, 1, 7);
  const Var x(start);
  const Var drift = sub(scale(x, step.inv_sigma_ref_sq), Var(df_dx));
  const Var twin = add(sub(x, scale(drift, step.drift)), scale(Var(xi), step.noise));
  const auto a = fused.to_host(), b = twin.value().to_host();
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-5).scale(1));
}

TEST_CASE("the clamp holds and lets NaN through") {
  Tensor x = Tensor::from_host(std::vector<float>{5, -5, 0.5f, NAN}, {4, 1}, test_device());
  langevin_step(x, Tensor::zeros({4, 1}, test_device()), {1, 0, 0, 1.2f}, {}, 0);
  const auto v = x.to_host();
  CHECK(v[0] == 1.2f);
  CHECK(v[1] == -1.2f);
  CHECK(v[2] == 0.5f);
  CHECK(std::isnan(v[3]));
}

TEST_CASE("on a Gaussian energy the chain reaches the Gaussian's mean and variance") {
  // U(x) = (x − μ)²/(2σ²), so −∂f/∂x = (x − μ)/σ²: given as the reference term plus a constant drift.
  const float sigma = 0.5f, mu = 0.3f, delta = 0.1f;
  const LangevinStep step{delta * delta / 2, delta, 1 / (sigma * sigma), 0};
  const int64_t n = 20000;
  Tensor x = Tensor::zeros({n, 1}, test_device());
  const Tensor df_dx = full({n, 1}, mu / (sigma * sigma), test_device());
  for (uint32_t t = 0; t < 400; ++t) langevin_step(x, df_dx, step, {11, Stream::langevin, 0, t});
  double sum = 0, squares = 0;
  for (float v : x.to_host()) sum += v, squares += static_cast<double>(v) * v;
  const double mean = sum / n, variance = squares / n - mean * mean;
  // the discretised chain's exact variance: δ²/(1 − (1 − δ²/(2σ²))²)
  const double a = 1 - delta * delta / 2 / (sigma * sigma);
  CHECK(std::abs(mean - mu) < 5 * sigma / std::sqrt(n));
  CHECK(variance == doctest::Approx(delta * delta / (1 - a * a)).epsilon(5 * std::sqrt(2.0 / n)));
}

TEST_CASE("a chain lowers U when there is no noise") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const EnergyNet energy(network("mnist.energy", {.width = 4}), test_device(), 1);
  Tensor x = normal({4, 28, 28, 1}, 3);
  const double before = sum(energy(Var(x))).value().item();
  langevin_chain(energy, x, 5, {0.5f, 0, 0, 0}, {1, Stream::langevin});
  CHECK(sum(energy(Var(x))).value().item() > before);  // f = −U rises
}

TEST_CASE("a chain's samples do not depend on how the chains are split over calls") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const EnergyNet energy(network("mnist.energy", {.width = 4}), test_device(), 1);
  const LangevinStep step{0.5f, 0.1f, 0, 1.2f};
  const RandomKey key{2, Stream::langevin, 3};
  const Tensor start = normal({5, 28, 28, 1}, 4);
  Tensor whole = start.clone();
  langevin_chain(energy, whole, 3, step, key);
  Tensor second = start.view(2 * 784, {3, 28, 28, 1}).clone();
  langevin_chain(energy, second, 3, step, key, 2);
  const auto a = whole.view(2 * 784, {3, 28, 28, 1}).to_host(), b = second.to_host();
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-4).scale(1));
}

TEST_CASE("a chain's samples are the same bits however its steps are cut into calls, watched or not") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const test::FixedPlans fixed;
  const EnergyNet energy(network("mnist.energy", {.width = 4}), test_device(), 1);
  const LangevinStep step{0.5f, 0.1f, 0, 1.2f};
  const RandomKey key{2, Stream::langevin, 3};
  const Tensor start = normal({2, 28, 28, 1}, 4);
  Tensor whole = start.clone(), watched = start.clone(), cut = start.clone(), grad_sq;
  langevin_chain(energy, whole, 5, step, key);
  langevin_chain(energy, watched, 5, step, key, 0, 0, &grad_sq);
  for (const auto& [first, count] : {std::pair{0, 1}, {1, 3}, {4, 0}, {4, 1}})
    langevin_chain(energy, cut, count, step, key, 0, first, &grad_sq);
  CHECK(watched.to_host() == whole.to_host());
  CHECK(cut.to_host() == whole.to_host());
}

TEST_CASE("the squared gradient is that of U at the last step, and untouched without a step") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const EnergyNet energy(network("mnist.energy", {.width = 4}), test_device(), 1);
  const LangevinStep step{0.5f, 0.1f, 0.3f, 1.2f};
  const RandomKey key{2, Stream::langevin, 3};
  Tensor before_last = normal({3, 28, 28, 1}, 4), x = before_last.clone(), grad_sq;
  langevin_chain(energy, x, 0, step, key, 0, 0, &grad_sq);
  CHECK(!grad_sq.defined());
  langevin_chain(energy, x, 3, step, key, 0, 0, &grad_sq);
  langevin_chain(energy, before_last, 2, step, key);
  Tape tape;
  const Var x_t(before_last);
  const Var u = sub(scale(sum(square(x_t)), 0.5f * step.inv_sigma_ref_sq), sum(energy(x_t)));
  double expected = 0;  // Σ (∂U/∂x)²
  for (const float v : tape.gradient(u, {x_t})[0].to_host()) expected += static_cast<double>(v) * v;
  CHECK(grad_sq.item() == doctest::Approx(expected).epsilon(1e-4));
}

TEST_CASE("a chain of fused steps is the chain of separate ones, to rounding") {
  const EnergyNet energy(network("mnist.energy", {.width = 8}), test_device(), 1);
  const LangevinStep step{0.5f, 0.1f, 0, 1.2f};
  const RandomKey key{2, Stream::langevin, 3};
  const Tensor start = normal({3, 28, 28, 1}, 4);
  const auto chain = [&](bool fused) {
    const test::FusedStep steps(fused);
    Tensor x = start.clone();
    langevin_chain(energy, x, 4, step, key, 1);
    return x.to_host();
  };
  CHECK(relative_error(chain(true), chain(false)) < 1e-5);
  CHECK(chain(true) != chain(false));  // that one is not the other
}

}  // namespace ebm
