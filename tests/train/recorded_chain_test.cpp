#include "train/recorded_chain.h"

#include <doctest/doctest.h>

#include <bit>

#include "core/check.h"
#include "models/recipes.h"
#include "tests/fused_step.h"
#include "tests/random_tensor.h"
#include "tests/train/tiny_run.h"

namespace ebm {

TEST_CASE("a recorded chain is the chain itself, run after run, also in several records") {
  const test::FusedStep steps = test::separate_then_fused_steps();
  const test::FixedPlans fixed;
  const test::OneThread one_thread;
  const EnergyNet energy(mnist_laptop_networks({4, 16, 8, 8}).energy, test_device(), 1);
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
        const Tensor words = Tensor::from_host(std::vector<float>{std::bit_cast<float>(offset.iteration),
                                                                  std::bit_cast<float>(offset.step),
                                                                  std::bit_cast<float>(offset.quad)},
                                               {3}, test_device());
        at.offset = reinterpret_cast<const RandomOffset*>(words.data());
        langevin_chain(energy, expected, 1, step, at, first);
      }
      recorded.run(x, first);
      CHECK(x.to_host() == expected.to_host());
    }
  }
}

TEST_CASE("a recorded chain refuses what it was not made for") {
  const EnergyNet energy(mnist_laptop_networks({4, 16, 8, 8}).energy, test_device(), 1);
  CHECK_THROWS_AS(RecordedChain(energy, {1, 5, 5, 1}, test_device(), 3, {}, {}), Error);
  RecordedChain recorded(energy, {2, 28, 28, 1}, test_device(), 3, {}, {});
  Tensor x = Tensor::zeros({2, 28, 28, 1}, test_device()), other = Tensor::zeros({3, 28, 28, 1}, test_device());
  CHECK_THROWS_AS(recorded.run(other, 0), Error);
  CHECK_THROWS_AS(recorded.run(x, 1), Error);
}

}  // namespace ebm
