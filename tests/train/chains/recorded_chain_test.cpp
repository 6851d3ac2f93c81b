#include "train/chains/recorded_chain.h"

#include <doctest/doctest.h>

#include <bit>

#include "core/check.h"
#include "core/device_calls.h"
#include "core/precision.h"
#include "kernels/conv/conv.h"
#include "models/table.h"
#include "tests/fused_step.h"
#include "tests/random_tensor.h"
#include "tests/train/tiny_run.h"

namespace ebm {

TEST_CASE("a recorded chain is the chain itself, run after run, also in several records") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  const EnergyNet energy(network("mnist.energy", {.width = 4}), test_device(), 1);
  const LangevinStep step{0.5f, 0.1f, 0, 1.2f};
  const RandomKey key{2, Stream::langevin, 3};
  for (const int64_t num_steps : {0, 3, 66}) {
    RecordedChain recorded(energy, {2, 28, 28, 1}, test_device(), num_steps, step, key);
    for (const int64_t first : {0, 2, 6}) {
      Tensor expected = normal({2, 28, 28, 1}, static_cast<uint64_t>(first)), x = expected.clone();
      for (int64_t done = 0; done < num_steps; done += 1) {  // step by step: the noise is that of its number
        RandomKey at = key;
        RandomOffset offset;
        offset.step = static_cast<uint32_t>(done);
        const Tensor words =
            Tensor::from_host(std::vector<float>{std::bit_cast<float>(offset.iteration),
                                                 std::bit_cast<float>(offset.step), std::bit_cast<float>(offset.quad)},
                              {3}, test_device());
        at.offset = reinterpret_cast<const RandomOffset*>(words.data());
        langevin_chain(energy, expected, 1, step, at, first);
      }
      recorded.run(x, first);
      CHECK(x.to_host() == expected.to_host());
    }
  }
}

TEST_CASE("a step of a recorded chain in bf16 is seven kernels" * doctest::skip(!test_device().is_cuda())) {
  const PrecisionScope mode(Precision::bf16);
  const test::FixedPlans fixed;  // the rule takes one kernel for a layer where there is one
  const EnergyNet energy(network("mnist.energy", {.width = 8}), test_device(), 1);
  const auto kernels = [&](int64_t num_steps) {
    RecordedChain recorded(energy, {4, 28, 28, 1}, test_device(), num_steps, {0.5f, 0.1f, 0, 1.2f},
                           {2, Stream::langevin});
    Tensor x = normal({4, 28, 28, 1}, 1);
    for (int i = 0; i < 2; ++i) recorded.run(x, 0);  // the second run records
    const int64_t before = replayed_kernels();
    recorded.run(x, 0);
    return replayed_kernels() - before;
  };
  if (cuda::last_conv_plan().starts_with("library")) return;  // no engine was to be had
  CHECK(kernels(20) - kernels(10) == 10 * 7);
}

TEST_CASE("a recorded chain in bf16 stays near the one in fp32 with the same noise") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const EnergyNet energy(network("mnist.energy", {.width = 8}), test_device(), 1);
  const Tensor start = normal({4, 28, 28, 1}, 1);
  const auto run = [&](Precision precision) {
    const PrecisionScope mode(precision);
    RecordedChain recorded(energy, start.shape(), test_device(), 6, {0.5f, 0.1f, 0, 1.2f}, {2, Stream::langevin});
    Tensor x = start.clone();
    recorded.run(x, 0);
    return x.to_host();
  };
  const std::vector<float> fp32 = run(Precision::fp32), bf16 = run(Precision::bf16);
  CHECK(fp32 != bf16);
  CHECK(relative_error(bf16, fp32) < 0.02);
}

TEST_CASE("a recorded chain refuses what it was not made for") {
  const EnergyNet energy(network("mnist.energy", {.width = 4}), test_device(), 1);
  CHECK_THROWS_AS(RecordedChain(energy, {1, 5, 5, 1}, test_device(), 3, {}, {}), Error);
  RecordedChain recorded(energy, {2, 28, 28, 1}, test_device(), 3, {}, {});
  Tensor x = Tensor::zeros({2, 28, 28, 1}, test_device()), other = Tensor::zeros({3, 28, 28, 1}, test_device());
  CHECK_THROWS_AS(recorded.run(other, 0), Error);
  CHECK_THROWS_AS(recorded.run(x, 1), Error);
}

}  // namespace ebm
