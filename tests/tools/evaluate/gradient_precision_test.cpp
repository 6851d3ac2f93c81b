#include "tools/evaluate/gradient_precision.h"

#include <doctest/doctest.h>

#include "models/table.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("the reference in double is the gradient of f") {
  // f is piecewise linear, so f(x) = ∂f/∂x · x where all biases are 0, by Euler's theorem.
  const EnergyNet energy(network("mnist.energy", {.width = 4}), test_device(), 1);
  const Tensor x = normal({3, 28, 28, 1}, 2);
  const std::vector<double> g = reference_gradient(energy, x);
  const auto f = energy(Var(x)).value().to_host(), pixels = x.to_host();
  for (int n = 0; n < 3; ++n) {
    double product = 0;
    for (int i = 0; i < 784; ++i) product += g[n * 784 + i] * pixels[n * 784 + i];
    CHECK(product == doctest::Approx(f[n]).epsilon(1e-4));
  }
}

TEST_CASE("the engine's gradient is nearer to the reference the more bits its operands keep") {
  const EnergyNet energy(network("mnist.energy", {.width = 8}), test_device(), 1);
  const Tensor x = normal({8, 28, 28, 1}, 2);
  const std::vector<double> reference = reference_gradient(energy, x);
  const GradientError fp32 = gradient_error(energy, x, reference, Precision::fp32);
  const GradientError tf32 = gradient_error(energy, x, reference, Precision::tf32);
  const GradientError bf16 = gradient_error(energy, x, reference, Precision::bf16);
  CHECK(fp32.relative < 1e-5);
  CHECK(tf32.relative > 5 * fp32.relative);
  CHECK(bf16.relative > tf32.relative);
  CHECK(bf16.relative < 0.2);
  CHECK(bf16.worst >= bf16.relative);
  CHECK(precision() == Precision::fp32);
}

}  // namespace ebm
