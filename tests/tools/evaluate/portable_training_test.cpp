#include "tools/evaluate/portable_training.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "autograd/ops.h"
#include "core/device.h"
#include "kernels/conv/tile_gemm.h"
#include "tests/random_tensor.h"
#include "tools/evaluate/classifier_recipes.h"
#include "train/data/sha256.h"

namespace ebm {
namespace {

constexpr int64_t kBatch = 6;

// All kinds of layers, with uneven padding, a stride, channels that fill no vector and images that come in unequal parts.
NetworkConfig small_network(float keep) {
  return {3,
          {1, 9, 8, 2},
          WeightInit::kaiming_uniform,
          {Conv{3, 2, 5, {0, 1}}, LeakyRelu{0.1f}, Conv{3, 1, 16, {1, 1}}, LeakyRelu{0.1f}, Flatten{}, Dropout{keep},
           Dense{16, "features"}, LeakyRelu{0.1f}, Dropout{keep}, Dense{3, "head"}}};
}

struct Batch {
  std::vector<float> x;
  std::vector<uint8_t> labels;
};
Batch batch_of(const NetworkConfig& network, int64_t n, uint64_t seed) {
  const ImageShape image = image_of(network.input);
  Batch batch;
  for (uint64_t i = 0; i < static_cast<uint64_t>(n * image.elements()); ++i)  // exact numbers on any processor
    batch.x.push_back(2 * uniform1({seed, Stream::data_noise}, i) - 1);
  for (int64_t i = 0; i < n; ++i) batch.labels.push_back(static_cast<uint8_t>(i % 3));
  return batch;
}

std::vector<float> trained(int threads, int steps) {
  set_num_threads(threads);
  const NetworkConfig network = small_network(0.5f);
  PortableTraining training(network, 1, kBatch);
  for (int i = 0; i < steps; ++i) {
    const Batch batch = batch_of(network, kBatch, 10 + static_cast<uint64_t>(i));
    training.differentiate(batch.x, batch.labels, {1, Stream::dropout, static_cast<uint32_t>(i), 0});
    training.step(1e-2);
  }
  set_num_threads(0);
  return training.parameters();
}

}  // namespace

TEST_CASE("products of tiles are sums of fused steps in order of depth, put down every so many") {
  if (!products_are_fused()) return;
  for (const auto& [m, n, depth] : {std::array<int64_t, 3>{1, 16, 5}, {7, 48, 300}, {20, 80, 128}}) {
    const std::vector<float> a = cpu_normal({m, depth}, 1).to_host(), b = cpu_normal({depth, n}, 2).to_host();
    std::vector<float> packed(b.size()), transposed(a.size()), c(static_cast<size_t>(m * n)), d = c, expected = c;
    for (int64_t l = 0; l < depth; ++l) {
      for (int64_t j = 0; j < n; ++j) packed[cpu::pack_index(l, j, depth, n)] = b[l * n + j];
      for (int64_t i = 0; i < m; ++i) transposed[l * m + i] = a[i * depth + l];
    }
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        for (int64_t first = 0; first < depth; first += cpu::kTileDepth) {
          float sum = 0;
          for (int64_t l = first; l < std::min<int64_t>(depth, first + cpu::kTileDepth); ++l)
            sum = std::fma(a[i * depth + l], b[l * n + j], sum);
          expected[i * n + j] = first == 0 ? sum : expected[i * n + j] + sum;
        }
    cpu::packed_gemm(m, n, depth, a.data(), depth, packed.data(), c.data(), n);
    cpu::transposed_gemm(m, n, depth, transposed.data(), m, b.data(), n, d.data(), n, false);
    CHECK(c == expected);
    CHECK(d == expected);
  }
}

TEST_CASE("the portable exponential is that of the library to a few units of the last place") {
  for (double x = -40; x < 5; x += 0.37) CHECK(portable_exp(x) == doctest::Approx(std::exp(x)).epsilon(1e-15));
  CHECK(portable_exp(0) == 1);
  CHECK(portable_exp(-1e4) == 0);
}

TEST_CASE("a portable training begins with the network's values and has the engine's loss and gradient") {
  const NetworkConfig network = small_network(1);
  PortableTraining training(network, 3, kBatch);
  const Sequence sequence(network, kCpu, 3);
  CHECK(relative_error(training.parameters(), sequence.parameters().flat().to_host()) < 1e-6);

  const Batch batch = batch_of(network, kBatch, 5);
  std::vector<float> one_hot(kBatch * 3);
  for (int64_t i = 0; i < kBatch; ++i) one_hot[static_cast<size_t>(3 * i + batch.labels[static_cast<size_t>(i)])] = 1;
  Tape tape;
  const Var logits = sequence(Var(Tensor::from_host(batch.x, {kBatch, 9, 8, 2}, kCpu)));
  const Var label(Tensor::from_host(one_hot, {kBatch, 3}, kCpu));
  const Var loss = mean(sub(logsumexp_rows(logits), sum_rows(mul(logits, label))));
  const double own = training.differentiate(batch.x, batch.labels, {1, Stream::dropout});
  CHECK(own == doctest::Approx(loss.value().item()).epsilon(1e-5));
  Tensor gradient = Tensor::zeros({sequence.parameters().size()}, kCpu);
  tape.gradient(loss, sequence.parameters().vars(),
                [&](size_t i, const Tensor& part) { sequence.parameters().view(gradient, i).copy_from(part); });
  CHECK(relative_error(training.gradient(), gradient.to_host()) < 1e-5);
}

TEST_CASE("dropout keeps its share, and what it drops passes no gradient") {
  const NetworkConfig network{3,
                              {1, 4, 4, 16},
                              WeightInit::kaiming_uniform,
                              {Conv{1, 1, 16, {}}, LeakyRelu{0.1f}, Flatten{}, Dropout{0.5f}, Dense{3, "head"}}};
  PortableTraining training(network, 1, kBatch);
  const Batch batch = batch_of(network, kBatch, 5);
  std::vector<float> gradients[2];
  for (uint32_t key = 0; key < 2; ++key) {
    training.differentiate(batch.x, batch.labels, {1, Stream::dropout, key, 0});
    gradients[key] = training.gradient();
  }
  CHECK(gradients[0] != gradients[1]);
  training.differentiate(batch.x, batch.labels, {1, Stream::dropout, 0, 0});
  CHECK(training.gradient() == gradients[0]);
}

TEST_CASE("a portable training has the same bits for any number of threads, and on any processor") {
  const std::vector<float> one = trained(1, 20);
  CHECK(trained(2, 20) == one);
  CHECK(trained(5, 20) == one);
  if (!products_are_fused()) return;
  // recorded on an AMD EPYC with AVX2, 2026-11-29
  CHECK(sha256(std::as_bytes(std::span(one))).substr(0, 12) == "b840eefb0d6c");
}

TEST_CASE("a portable training refuses what it cannot compute") {
  NetworkConfig network = small_network(1);
  network.init = WeightInit::xavier_normal;
  CHECK_THROWS_AS(PortableTraining(network, 1, kBatch), Error);
  network = small_network(1);
  network.layers.insert(network.layers.begin() + 1, BatchNorm{});
  CHECK_THROWS_AS(PortableTraining(network, 1, kBatch), Error);
  network = small_network(1);
  std::get<Dense>(network.layers[6]).outputs = 10;  // inputs of the last one
  CHECK_THROWS_AS(PortableTraining(network, 1, kBatch), Error);
  PortableTraining training(small_network(1), 1, kBatch);
  CHECK_THROWS_AS(training.differentiate(std::vector<float>(7), std::vector<uint8_t>(kBatch), {}), Error);
}

}  // namespace ebm
