// Where gradients go before a step. The step's arithmetic: tests/kernels/optimizer_test.cpp.
#include "train/adam.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/communicator.h"
#include "kernels/elementwise.h"
#include "tests/logical_ranks.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("gradients that come one by one, in pieces, are summed up over ranks and learned from") {
  const std::vector<int64_t> kSizes = {600'000, 500'000, 10, 1'100'000,
                                       10};  // pieces: the last two, and the first three
  const std::vector<size_t> kOrder = {3, 0, 4, 1, 2};
  constexpr int kRanks = 2, kUpdates = 2;
  const auto gradient_of = [&](int rank, int update, size_t entry) {
    return normal({kSizes[entry]}, static_cast<uint32_t>(100 * rank + 10 * update + entry));
  };
  // `ranks` of them hold a part of the gradient each; one alone is given the sums
  const auto learned = [&](int ranks) {
    std::vector<std::vector<float>> parameters(ranks), norms(ranks);
    test::on_ranks(ranks, [&](Communicator& world) {
      const WorldScope scope(world);
      Parameters network;
      for (size_t i = 0; i < kSizes.size(); ++i) network.add_uniform("p" + std::to_string(i), {kSizes[i]}, 0.1f);
      network.allocate(kCpu, 1, 0);
      Scalars scalars(kCpu);
      Adam adam(network, scalars, 0.9, 0.999, 1.0, 0);
      for (int update = 0; update < kUpdates; ++update) {
        adam.prepare(1e-2);
        scalars.upload();
        for (const size_t entry : kOrder) {
          Tensor part = gradient_of(world.rank(), update, entry);
          for (int other = ranks; other < kRanks; ++other) add_scaled(part, gradient_of(other, update, entry), 1.0f);
          adam.take(entry, part);
        }
        norms[world.rank()].push_back(adam.step().item());
      }
      parameters[world.rank()] = network.flat().to_host();
    });
    for (int r = 1; r < ranks; ++r) CHECK(parameters[r] == parameters[0]);
    norms[0].insert(norms[0].end(), parameters[0].begin(), parameters[0].end());
    return norms[0];
  };
  const std::vector<float> alone = learned(1);
  CHECK(alone[0] == doctest::Approx(2 * 2'200'020).epsilon(0.02));  // of sums of two normal numbers
  CHECK(learned(kRanks) == alone);
}

}  // namespace ebm
