#include "tools/evaluate/chain_trace.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/fused_step.h"
#include "tests/train/tiny_run.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("a watched chain is the chain of sample(), with its energies") {
  const FusedStep steps = separate_then_fused_steps();
  const FixedPlans fixed;
  const OneThread one_thread;
  TeachingSettings s = tiny_settings(1);
  s.ema_decay = 0.9;
  Trainer trainer(s, kCpu);
  const RandomKey key{5, Stream::sample, 0, 0};
  const ChainTrace trace = trace_chains(trainer, 3, key, 7, 1.0, spread_steps(4, 7));
  const Samples samples = trainer.sample(3, key, 7, 1.0);
  CHECK(trace.shown == std::vector<int64_t>{0, 2, 4, 7});
  REQUIRE(trace.x.size() == 4);
  CHECK(trace.x.front() == samples.first().to_host());
  // sample() revises three of a batch of a hundred: convolutions of another size may round otherwise
  const std::vector<float> revised = samples.last().to_host();
  for (size_t i = 0; i < revised.size(); ++i) CHECK(std::abs(trace.x.back()[i] - revised[i]) < 1e-4f);
  REQUIRE(trace.u.size() == 8);
  const std::vector<float> u = trainer.energy(samples.last()).to_host();
  for (size_t i = 0; i < 3; ++i) CHECK(trace.u.back()[i] == doctest::Approx(u[i]).epsilon(1e-3));
}

TEST_CASE("a chain of fewer steps than columns shows each once, one of no steps its start") {
  const FixedPlans fixed;
  const OneThread one_thread;
  Trainer trainer(tiny_settings(1), kCpu);
  const RandomKey key{5, Stream::sample, 0, 0};
  CHECK(trace_chains(trainer, 2, key, 2, 1.0, spread_steps(8, 2)).shown == std::vector<int64_t>{0, 1, 2});
  const ChainTrace none = trace_chains(trainer, 2, key, 0, 1.0, spread_steps(8, 0));
  CHECK(none.shown == std::vector<int64_t>{0});
  CHECK(none.u.size() == 1);
}

TEST_CASE("revising in two parts is revising at once") {
  const FusedStep steps = separate_then_fused_steps();
  const FixedPlans fixed;
  const OneThread one_thread;
  Trainer trainer(tiny_settings(1), kCpu);
  const RandomKey key{5, Stream::sample, 0, 0};
  const Tensor start = trainer.sample(4, key, 0, 1.0).first();
  Tensor whole = start.clone(), parts = start.clone();
  trainer.revise(whole, key, 5, 1.0);
  trainer.revise(parts, key, 2, 1.0);
  trainer.revise(parts, key, 3, 1.0, 2);
  CHECK(whole.to_host() == parts.to_host());
  CHECK(whole.to_host() != start.to_host());
}

TEST_CASE("latent vectors of any number become images, equal ones in a batch equal images") {
  const FixedPlans fixed;
  const OneThread one_thread;
  const TeachingSettings s = tiny_settings(1);
  Trainer trainer(s, kCpu);
  const int64_t n = 45, d = s.latent, elements = trainer.abilities().image.elements();  // more than two batches
  std::vector<float> z(static_cast<size_t>(n * d), 1.0f);
  std::fill_n(z.begin(), d, -1.0f);
  const std::vector<float> x = trainer.generate(Tensor::from_host(z, {n, d}, kCpu)).to_host();
  REQUIRE(static_cast<int64_t>(x.size()) == n * elements);
  const auto image = [&](int64_t i) {
    return std::vector<float>(x.begin() + i * elements, x.begin() + (i + 1) * elements);
  };
  CHECK(image(1) == image(19));
  CHECK(image(0) != image(1));
  CHECK(image(44) != image(0));
  CHECK(trainer.encode(Tensor::from_host(x, {n, 28, 28, 1}, kCpu)).shape() == Shape{n, d});
}
