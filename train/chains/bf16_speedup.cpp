#include "train/chains/bf16_speedup.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "kernels/random_fill.h"

namespace ebm {

double bf16_speedup(const NetworkConfig& energy, int64_t n) {
  constexpr int kRounds = 8;
  const EnergyNet net(energy, kCpu, 1);
  const ImageShape image = net.image();
  Tensor x = Tensor::empty({n, image.height, image.width, image.channels}, kCpu);
  fill_uniform(x, RandomKey{}, -1.0f, 1.0f);
  const std::array frozen = {EnergyNet::Frozen(net, ElementType::fp32), EnergyNet::Frozen(net, ElementType::bf16)};
  std::array<double, 2> best;
  best.fill(std::numeric_limits<double>::infinity());
  for (int round = 0; round <= kRounds; ++round)
    for (size_t way = 0; way < frozen.size(); ++way) {
      const auto start = std::chrono::steady_clock::now();
      frozen[way].gradient(x);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      // the first one chooses the convolutions' algorithms
      if (round > 0) best[way] = std::min(best[way], elapsed.count());
    }
  return best[0] / best[1];
}

}  // namespace ebm
