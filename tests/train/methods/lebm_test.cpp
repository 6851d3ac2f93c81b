#include "train/methods/lebm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/chains/descent.h"
#include "train/chains/langevin.h"
#include "train/recipes.h"
#include "train/trainer.h"

namespace ebm {
namespace {

using namespace test;

LebmSettings tiny(const std::string& method) {
  const std::unique_ptr<Settings> settings = recipe_settings(method, "synthetic", Profile::laptop);
  auto s = dynamic_cast<const LebmSettings&>(*settings);
  s.batch = 8;
  s.prior.steps = 4;
  s.posterior.steps = 3;
  s.infer_steps = 4;
  s.energy_width = 8;
  s.generator_width = 16;
  s.latent = 8;
  return s;
}

Tensor data() { return normal({8, 28, 28, 1}, 1, 0, 0.5f); }

// Each element of a row times a number of its own.
Var times(const Var& z, const std::vector<float>& factors) {
  std::vector<float> all;
  for (int64_t i = 0; i < z.shape()[0]; ++i) all.insert(all.end(), factors.begin(), factors.end());
  return mul(z, Var(Tensor::from_host(all, z.shape(), z.value().device())));
}

}  // namespace

TEST_CASE("a linear generator and a quadratic f: both chains end in Gaussians of closed form, with Euler's variance") {
  // g(z) = a∘z, f(z) = −c‖z‖²/2: the posterior of z_j is N((a_j x_j/σ²)/λ_j, 1/λ_j), λ_j = a_j²/σ² + 1 + c; steps of δ
  // make its variance (1/λ)/(1 − δ²λ/4)
  constexpr int64_t kChains = 4096, kSteps = 100;
  const std::vector<float> a{0.2f, 0.5f, 1.0f, 2.0f}, x{1.0f, -0.5f, 0.3f, 0.8f};
  const float sigma = 0.5f, c = 0.5f, delta = 0.3f;
  std::vector<float> images;
  for (int64_t i = 0; i < kChains; ++i) images.insert(images.end(), x.begin(), x.end());
  const Tensor of = Tensor::from_host(images, {kChains, 4}, test_device());
  const auto prior = [c](const Var& z) { return scale(sum_rows(square(z)), 0.5f * (1 + c)); };
  const auto posterior = [&](const Var& z) {
    return add(scale(sum_rows(square(sub(times(z, a), Var(of)))), 0.5f / (sigma * sigma)), prior(z));
  };
  const LangevinRows step = same_step(kChains, 0.5f * delta * delta, delta, test_device());
  for (const bool is_posterior : {false, true}) {
    CAPTURE(is_posterior);
    Tensor z = normal({kChains, 4}, 3);
    PotentialValue last;
    langevin_chain(is_posterior ? potential(posterior) : potential(prior), z, kSteps, step, {5, Stream::langevin}, 0, 0,
                   &last);
    CHECK(last.gradient.shape() == z.shape());
    const std::vector<float> values = z.to_host();
    for (size_t j = 0; j < 4; ++j) {
      const double lambda = (is_posterior ? a[j] * a[j] / (sigma * sigma) : 0) + 1 + c;
      const double mean = is_posterior ? a[j] * x[j] / (sigma * sigma) / lambda : 0;
      const double variance = 1 / lambda / (1 - delta * delta * lambda / 4);
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < kChains; ++i) sum += values[4 * i + j] / kChains;
      for (int64_t i = 0; i < kChains; ++i) squares += std::pow(values[4 * i + j] - sum, 2) / kChains;
      CHECK(std::abs(sum - mean) < 4 * std::sqrt(variance / kChains));
      CHECK(squares == doctest::Approx(variance).epsilon(5 * std::sqrt(2.0 / kChains)));
    }
  }
}

TEST_CASE("chains on a potential do not depend on how they are cut, and each has its own step") {
  const Potential u = potential([](const Var& x) { return sum_rows(square(square(x))); });
  const RandomKey key{1, Stream::langevin};
  const Tensor start = normal({6, 4}, 2);
  Tensor whole = start.clone();
  langevin_chain(u, whole, 5, same_step(6, 0.01f, 0.1f, test_device()), key);
  Tensor parts = start.clone();
  for (int64_t first : {0, 3}) {
    Tensor half = parts.view(first * 4, {3, 4});
    langevin_chain(u, half, 2, same_step(3, 0.01f, 0.1f, test_device()), key, first);
    langevin_chain(u, half, 3, same_step(3, 0.01f, 0.1f, test_device()), key, first, 2);
  }
  CHECK(parts.to_host() == whole.to_host());

  // rows of three elements, of which quads of noise know nothing
  Tensor odd = normal({5, 3}, 4);
  const std::vector<float> before = odd.to_host();
  const std::vector<float> none{0, 0, 1, 0, 0};
  const Tensor rows = Tensor::from_host(none, {5}, test_device());
  langevin_step_rows(odd, full({5, 3}, 1, test_device()), {rows, rows}, key);
  const std::vector<float> after = odd.to_host();
  for (size_t i = 0; i < after.size(); ++i) CHECK((after[i] != before[i]) == (i / 3 == 2));
}

TEST_CASE("alternating back-propagation with a linear generator finds the subspace of PCA") {
  // x = B·z + noise with z of two numbers in eight dimensions; the loading matrix W is learned from x alone
  if (test_device() != kCpu) return;  // a law of the algorithm, in thousands of tiny launches
  constexpr int64_t kImages = 128, kPixels = 8, kLatent = 2;
  const Device device = kCpu;
  const OneThread one_thread;
  const float sigma = 0.2f, delta = 0.1f;
  const Tensor b = normal({kPixels, kLatent}, 11);
  Tensor x = normal({kImages, kPixels}, 12, 0, 0.05f);
  add_scaled(x, linear(Var(normal({kImages, kLatent}, 13)), Var(b), Var()).value(), 1);
  Tensor w = normal({kPixels, kLatent}, 14, 0, 0.1f);
  const LangevinRows step = same_step(kImages, 0.5f * delta * delta, delta, device);
  for (uint32_t i = 0; i < 200; ++i) {
    Tensor z = Tensor::empty({kImages, kLatent}, device);
    fill_normal(z, {15, Stream::latent, i}, 0, 1);
    const auto error = [&](const Var& at, const Var& weight) {  // ‖x − W·z‖² (n)
      return sum_rows(square(sub(linear(at, weight, Var()), Var(x))));
    };
    const Potential v = potential([&](const Var& at) {
      return add(scale(error(at, Var(w)), 0.5f / (sigma * sigma)), scale(sum_rows(square(at)), 0.5f));
    });
    langevin_chain(v, z, 30, step, {15, Stream::langevin, i});
    Tape tape;
    const Var weight(w);
    add_scaled(w, tape.gradient(mean(error(Var(z), weight)), {weight})[0], -0.05f);
  }
  // what of B's columns W's span leaves over, by Gram and Schmidt
  const std::vector<float> wv = w.to_host(), bv = b.to_host();
  std::vector<std::vector<double>> basis;
  const auto left_over = [&](std::vector<double> v) {
    for (const std::vector<double>& e : basis) {
      double dot = 0;
      for (size_t i = 0; i < v.size(); ++i) dot += e[i] * v[i];
      for (size_t i = 0; i < v.size(); ++i) v[i] -= dot * e[i];
    }
    return v;
  };
  const auto norm = [](const std::vector<double>& v) {
    double sum = 0;
    for (const double value : v) sum += value * value;
    return std::sqrt(sum);
  };
  const auto column = [](const std::vector<float>& m, int64_t j) {
    std::vector<double> v;
    for (int64_t i = 0; i < kPixels; ++i) v.push_back(m[static_cast<size_t>(i * kLatent + j)]);
    return v;
  };
  for (int64_t j = 0; j < kLatent; ++j) {
    std::vector<double> e = left_over(column(wv, j));
    const double length = norm(e);
    REQUIRE(length > 0.1);
    for (double& value : e) value /= length;
    basis.push_back(e);
  }
  for (int64_t j = 0; j < kLatent; ++j) CHECK(norm(left_over(column(bv, j))) < 0.1 * norm(column(bv, j)));
}

TEST_CASE("the posterior is the squared error over 2σ² and the prior, whose sign is that of the learned f") {
  const FixedPlans fixed;
  LebmSettings s = tiny("lebm");
  s.ema_decay = 0;
  s.energy_lr = 1e-2;
  s.lr_tau = 1e9;
  Trainer trainer(s, test_device());
  const Abilities& a = trainer.abilities();
  const Tensor x = data(), z = normal({8, 8}, 7);
  const std::vector<float> v = a.posterior(x)(z).u.to_host(), u = a.potential()(z).u.to_host(),
                           g = a.generate(z).to_host(), pixels = x.to_host();
  for (size_t row = 0; row < 8; ++row) {
    double squares = 0;
    for (size_t p = row * 784; p < (row + 1) * 784; ++p) squares += std::pow(pixels[p] - g[p], 2);
    CHECK(v[row] == doctest::Approx(squares / (2 * s.sigma * s.sigma) + u[row]).epsilon(1e-4));
  }
}

TEST_CASE("f learns to be higher at the posterior's z than at the prior's") {
  // of a generator that is flat the posterior is the prior N(0, I), but so large a step spreads its samples by Euler's
  // variance 1/(1 − δ²/4)
  if (test_device() != kCpu) return;  // a law of the algorithm, in thousands of tiny launches
  const FixedPlans fixed;
  const OneThread one_thread;
  LebmSettings s = tiny("lebm");
  s.posterior.steps = 10;
  s.prior.steps = 20;
  s.posterior.step_size = 1.6;
  s.generator_lr = 1e-9;
  s.energy_lr = 1e-3;
  s.lr_tau = 1e9;
  Trainer trainer(s, test_device());
  double first = 0, later = 0;  // mean gaps
  for (int i = 0; i < 60; ++i) (i < 20 ? first : later) += trainer.step(data())["energy_gap"] / (i < 20 ? 20 : 40);
  CHECK(later > first);
  CHECK(later > 0);
}

TEST_CASE("samples of any number are g of the chain's start and of its end") {
  const FixedPlans fixed;
  Trainer trainer(tiny("lebm"), test_device());
  trainer.step(data());
  const Abilities& a = trainer.abilities();
  const RandomKey key{9, Stream::sample};
  const Samples samples = a.sample(230, key, {.steps = 3});  // blocks of 100
  Tensor z = a.start(230, key);
  CHECK(samples.first().to_host() == a.generate(z).to_host());
  a.revise(z, key, {.steps = 3}, 0);
  // products of other sizes may round otherwise
  CHECK(relative_error(samples.last().to_host(), a.generate(z).to_host()) < 1e-4);
}

TEST_CASE("a descent never lets U rise, and ends at a minimum that a fixed step would leave") {
  const Potential u = potential([](const Var& x) {  // curvatures 1 and 400
    return sum_rows(
        mul(square(x), Var(Tensor::from_host(std::vector<float>{0.5f, 200, 0.5f, 200}, {2, 2}, test_device()))));
  });
  Tensor x = Tensor::from_host(std::vector<float>{3, 2, -1, 0.5f}, {2, 2}, test_device());
  std::vector<float> before = u(x).u.to_host();
  for (int part = 0; part < 5; ++part) {
    descend(u, x, 200, 0.01);  // 0.01 · 400 > 2
    const std::vector<float> after = u(x).u.to_host();
    for (size_t i = 0; i < 2; ++i) CHECK(after[i] <= before[i]);
    before = after;
  }
  for (const float value : before) CHECK(value < 0.01f);
}

TEST_CASE("the guard halves the posterior chain's step before it touches a learning rate") {
  const FixedPlans fixed;
  LebmSettings s = tiny("lebm");
  s.guard_lr_factor = 0.5;
  Trainer trainer(s, test_device());
  const auto shown = [&](double slowed) {
    trainer.set_slowed(slowed);
    return trainer.step(data());
  };
  const double bound = 2 * s.sigma / s.posterior.step_size;
  const Metrics first = shown(1), second = shown(0.5), third = shown(0.25);
  CHECK(first["slope_bound"] == doctest::Approx(bound));
  CHECK(second["slope_bound"] == doctest::Approx(2 * bound));
  CHECK(third["slope_bound"] == doctest::Approx(2 * bound));
  CHECK(second["energy_lr"] == doctest::Approx(first["energy_lr"]).epsilon(1e-3));
  CHECK(third["generator_lr"] == doctest::Approx(0.5 * first["generator_lr"]).epsilon(1e-3));
  CHECK(trainer.method().lowered(0.5) == "the posterior chain's step at 0.05");
  CHECK(trainer.method().lowered(0.25) ==
        "the posterior chain's step at 0.05, learning rates at 0.5 of their settings");
}

TEST_CASE("a posterior chain that blows up takes the run back, with half the step, which it bears") {
  const FixedPlans fixed;
  const OneThread one_thread;
  const TemporaryFolder folder;
  LebmSettings s = tiny("abp");
  s.iterations = 4;
  s.posterior = {50, 3};  // the prior alone bears δ < 2
  Notices notices;
  RunOptions options = tiny_run(folder.path(), s);
  options.device = test_device();
  const RunResult result = run_training(options, load_dataset("synthetic", "", Split::train), notices);
  CHECK(result.rollbacks == 1);
  REQUIRE(!notices.lines.empty());
  CHECK(contains(notices.lines.front(), "diverged at iteration 1: "));
  CHECK(contains(notices.lines.front(), "back to iteration 0 with the posterior chain's step at 1.5"));
}

TEST_CASE("the steepest slope that is watched is the Jacobian's largest singular value") {
  const FixedPlans fixed;
  const OneThread one_thread;
  LebmSettings s = tiny("abp");
  s.latent = 2;
  s.generator_lr = 1e-9;  // the network stays as it is, and the directions converge
  s.posterior.step_size = 0;
  Trainer trainer(s, test_device());
  double slope = 0;
  for (int i = 0; i < 30; ++i) slope = trainer.step(data())["slope"];
  // a seen largest value cannot be above the largest of many differences by much, nor far below
  double steepest = 0;
  const Abilities& a = trainer.abilities();
  for (uint64_t i = 0; i < 10; ++i) {
    const Tensor z = normal({8, 2}, 20 + i);
    for (int k = 0; k < 8; ++k) {
      std::vector<float> moved = z.to_host();
      for (size_t row = 0; row < 8; ++row) {
        moved[2 * row] += 0.05f * static_cast<float>(std::cos(M_PI * k / 8));
        moved[2 * row + 1] += 0.05f * static_cast<float>(std::sin(M_PI * k / 8));
      }
      const std::vector<float> x = a.generate(z).to_host(),
                               y = a.generate(Tensor::from_host(moved, {8, 2}, test_device())).to_host();
      for (size_t row = 0; row < 8; ++row) {
        double squares = 0;
        for (size_t p = row * 784; p < (row + 1) * 784; ++p) squares += std::pow(y[p] - x[p], 2);
        steepest = std::max(steepest, std::sqrt(squares) / 0.05);
      }
    }
  }
  CHECK(slope > 0.3 * steepest);
  CHECK(slope < 1.2 * steepest);
}

}  // namespace ebm
