#include "kernels/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/reduce.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("Adam follows its published recursion") {
  const int64_t n = 1000;
  Tensor p = normal({n}, 1), m = Tensor::zeros({n}, p.device()), v = Tensor::zeros({n}, p.device());
  const AdamSettings s{0.01f, 0.5f, 0.999f, 1e-8f, 3.0f};
  std::vector<float> start = p.to_host();
  std::vector<double> expected(start.begin(), start.end()), em(n), ev(n);
  for (int t = 1; t <= 5; ++t) {
    const Tensor g = normal({n}, static_cast<uint64_t>(1 + t));
    const Tensor norm_sq = sum_squares(g);
    adam_step(p, g, m, v, s, adam_at(s, t), norm_sq, 0.5f * std::sqrt(norm_sq.item()));  // to half its length
    const std::vector<float> gradient = g.to_host();
    for (int64_t i = 0; i < n; ++i) {
      const double gi = 0.5 * gradient[i];
      em[i] = 0.5 * em[i] + 0.5 * gi;
      ev[i] = 0.999 * ev[i] + 0.001 * gi * gi;
      expected[i] -= 0.01 * 3.0 * expected[i] +
                     0.01 * (em[i] / (1 - std::pow(0.5, t))) / (std::sqrt(ev[i] / (1 - std::pow(0.999, t))) + 1e-8);
    }
  }
  const std::vector<float> got = p.to_host();
  for (int64_t i = 0; i < n; ++i) REQUIRE(got[i] == doctest::Approx(expected[i]).epsilon(1e-4).scale(1));
}

TEST_CASE("the moving average moves by 1 - decay") {
  Tensor average = Tensor::from_host(std::vector<float>{1, 2}, {2}, test_device());
  ema_update(average, Tensor::from_host(std::vector<float>{3, -2}, {2}, test_device()), 0.75f);
  CHECK(average.to_host() == std::vector<float>{1.5f, 1.0f});
}

}  // namespace ebm
