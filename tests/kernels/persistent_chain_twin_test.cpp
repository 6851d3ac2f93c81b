// The tiling of the persistent chain, run by its twin on the host, against the sampler and the definition.
#include "tests/kernels/persistent_chain_twin.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/check.h"
#include "models/recipes.h"
#include "tests/kernels/persistent_chain_cases.h"
#include "train/langevin.h"

namespace ebm::persistent {
namespace {

double round_to_bf16(double v) { return float(Bf16(static_cast<float>(v))); }
double exact(double v) { return v; }
using Rounding = double (*)(double);

using Values = std::vector<double>;  // of one map, in the order of its tensor

// Calls visit(x index, w index, y index) for each product of layer i's definition, for one image.
template <class Visit>
void for_each_product(const EnergyConfig& config, size_t i, const Shape& x, const Shape& y, Visit visit) {
  const ConvLayer& l = config.layers[i];
  for (int64_t p = 0; p < y[1]; ++p)
    for (int64_t q = 0; q < y[2]; ++q)
      for (int64_t r = 0; r < l.kernel; ++r)
        for (int64_t s = 0; s < l.kernel; ++s) {
          const int64_t row = p * l.stride + r - l.pad.before, column = q * l.stride + s - l.pad.before;
          if (row < 0 || row >= x[1] || column < 0 || column >= x[2]) continue;
          for (int64_t k = 0; k < y[3]; ++k)
            for (int64_t c = 0; c < x[3]; ++c)
              visit((row * x[2] + column) * x[3] + c, ((k * l.kernel + r) * l.kernel + s) * x[3] + c,
                    (p * y[2] + q) * y[3] + k);
        }
}

Values rounded(Values v, Rounding round) {
  std::transform(v.begin(), v.end(), v.begin(), round);
  return v;
}
Values values_of(const Tensor& t) {
  const auto v = t.to_host();
  return Values(v.begin(), v.end());
}

// ∂f/∂x of one image, unfused, sums in double: `round` is applied to what is multiplied and nothing else.
Values reference_gradient(const EnergyConfig& config, const ChainWeights& net, const Values& x,
                          Rounding round) {
  const size_t layers = config.layers.size();
  const double slope = config.negative_slope;
  std::vector<Shape> shapes = {{1, config.image.height, config.image.width, config.image.channels}};
  std::vector<Values> h = {rounded(x, round)}, w;
  for (size_t i = 0; i < layers; ++i) {
    const ConvLayer& l = config.layers[i];
    shapes.push_back(conv2d_shape(shapes[i], net.weights[i].shape(), {l.stride, l.pad}));
    w.push_back(rounded(values_of(net.weights[i]), round));
    const Values b = values_of(net.biases[i]);
    Values y(shapes[i + 1].size());
    for_each_product(config, i, shapes[i], shapes[i + 1],
                     [&](int64_t from, int64_t j, int64_t to) { y[to] += h[i][from] * w[i][j]; });
    for (size_t j = 0; j < y.size(); ++j) {
      y[j] += b[j % b.size()];
      if (y[j] <= 0) y[j] *= slope;
    }
    h.push_back(rounded(y, round));
  }
  Values g = rounded(values_of(net.head), round);  // ∂f/∂h_L
  for (size_t i = layers; i > 0; --i) {
    for (size_t j = 0; j < g.size(); ++j)
      if (h[i][j] <= 0) g[j] *= slope;
    g = rounded(g, round);
    Values dx(shapes[i - 1].size());
    for_each_product(config, i - 1, shapes[i - 1], shapes[i],
                     [&](int64_t to, int64_t j, int64_t from) { dx[to] += g[from] * w[i - 1][j]; });
    g = dx;
  }
  return g;
}

// Whole numbers from −most to most.
Tensor whole_numbers(const Shape& shape, uint64_t seed, int most) {
  std::vector<float> v(shape.size());
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = std::floor(uniform1({seed, Stream::init}, i) * static_cast<float>(2 * most + 1)) - most;
  return Tensor::from_host(v, shape, kCpu);
}

Tensor image_batch(const EnergyConfig& config, int images, uint64_t seed) {
  return cpu_normal({images, config.image.height, config.image.width, config.image.channels}, seed);
}

}  // namespace

TEST_CASE("with fp32 operands the twin is the sampler, for any number of images") {
  const LangevinStep step{0.05f, 0.1f, 0.5f, 1.5f};
  const RandomKey key{7, Stream::langevin, 3};
  for (const NetCase& c : kNets) {
    const EnergyNet net = random_net(c.config);
    const ChainWeights weights = chain_weights(net, c.config);
    for (const int images : kImageCounts) {
      CAPTURE(c.name);
      CAPTURE(images);
      const Tensor start = image_batch(c.config, images, 5);
      Tensor sampled = start.clone();
      langevin_chain(net, sampled, 3, step, key, 11);
      std::vector<float> first;
      for (const ChipLimits& chip : kChips) {
        Tensor x = start.clone();
        run_chain<float>(plan_for(c.config, kFp32, chip), weights, x, 3, step, key, 11);
        if (first.empty()) first = x.to_host();
        CHECK(x.to_host() == first);  // bit for bit: who computes a row changes nothing
        CHECK(relative_error(x.to_host(), sampled.to_host()) < 1e-5);
      }
    }
  }
}

// Whole numbers and a slope of 3/4 make all sums exact in fp32, so rounding to bf16 is all that is
// left: the twin has to round what the reference rounds, in the same places, and equals it bit for bit. bf16
// has no odd numbers above 256, so that images and head are rounded too.
TEST_CASE("with bf16 operands the twin is the definition with its operands rounded") {
  const LangevinStep gradient{1, 0, 1, 0};  // x − (x − ∂f/∂x)
  for (NetCase c : kNets) {
    CAPTURE(c.name);
    c.config.negative_slope = 0.75f;
    EnergyNet net(c.config, kCpu, 1);
    Parameters& p = net.parameters();
    for (size_t i = 0; i < p.entries().size(); ++i) {
      const bool head = p.entries()[i].name == "head.weight";
      p.view(p.flat(), i).copy_from(whole_numbers(p.entries()[i].shape, 20 + i, head ? 300 : 2));
    }
    const ChainWeights weights = chain_weights(net, c.config);
    const int images = 3;
    const Shape shape = image_batch(c.config, images, 0).shape();
    const Tensor start = whole_numbers(shape, 6, 600);
    Tensor x = start.clone();
    run_chain<Bf16>(plan_for(c.config, kBf16, kChips[1]), weights, x, 1, gradient, {});
    bool rounding_matters = false;
    for (int image = 0; image < images; ++image) {
      const int64_t size = start.size() / images;
      const Values from = values_of(start.view(image * size, {size}));
      const Values expected = reference_gradient(c.config, weights, from, round_to_bf16);
      CHECK(values_of(x.view(image * size, {size})) == expected);
      rounding_matters |= reference_gradient(c.config, weights, from, exact) != expected;
    }
    CHECK(rounding_matters);
  }
}

TEST_CASE("the mnist paper net streams and multiplies what the design counts") {
  const EnergyConfig config = mnist_paper_networks().energy;
  const EnergyNet net(config, kCpu, 1);
  const ChainPlan plan = plan_for(config, kBf16, {227 * 1024, 1});
  Tensor x = image_batch(config, 7, 1);
  const int steps = 2;
  const TwinCounts counts = run_chain<Bf16>(plan, chain_weights(net, config), x, steps, {1, 0.1f, 0, 0}, {});
  CHECK(counts.weight_bytes == steps * 1'491'968);
  for (int i = 0; i < plan.weight_elements; ++i)
    if (counts.weight_reads[i] != steps * (i < plan.weights_at[1] ? 2 : 1)) FAIL(i);

  // tiles of 64 rows in the two blocks, 64 × depth × columns each
  const std::vector<int64_t> products = {(11 + 11) * 64 * 32 * 64,      // conv1: 704 and 668 of 1,372 rows
                                         (3 + 3) * 64 * 576 * 128,      // conv2: 192 and 151 of 343
                                         (3 + 3) * 64 * 1152 * 256,     // conv3
                                         (3 + 3) * 64 * 2304 * 128,     // to h2
                                         (3 + 3) * 64 * 9 * 128 * 64,   // to h1: four phases, 9 taps in all
                                         (13 + 12) * 64 * 576 * 8};     // to x: 832 and 743 of 1,575 patches
  for (int i = 0; i < plan.passes(); ++i) CHECK(counts.products[i] == steps * products[i]);

  // What block 1 computes of image 3, which is at home in block 0: taps inside the map × channels × tiles of
  // columns, for the last 4 of 7×7 pixels, the last 80 of 14×14, the last 68 of 15×15 patches.
  const int corner = 2 * (3 + 3 + 3 + 2);  // taps of the 4 pixels: two rows of a 3×3 kernel lie inside
  const int remote = (5 * 48 + 4 * 5 * 67 + 3 * 67) + corner * 64 + corner * 128 * 2 + corner * 256 +
                     4 * 9 * 128 + (3 * 23 + 3 * 3 * 41 + 2 * 41) * 64;
  CHECK(counts.remote_values == steps * remote);
  CHECK(remote == 52'341);  // docs/persistent_chain.md
}

TEST_CASE("the arena refuses what lies outside or askew") {
  Arena arena(64);
  CHECK_NOTHROW(arena.at<float>(60));
  CHECK_NOTHROW(arena.at<float>(0, 16));
  CHECK_THROWS_AS(arena.at<float>(64), Error);
  CHECK_THROWS_AS(arena.at<float>(4, 16), Error);
  CHECK_THROWS_AS(arena.at<float>(-4), Error);
  CHECK_THROWS_AS(arena.at<float>(2), Error);
  CHECK(std::isnan(*arena.at<float>(0)));

  ChainPlan plan = plan_for(kNets[0].config, kFp32);
  const ChainWeights weights = chain_weights(random_net(kNets[0].config), kNets[0].config);
  plan.shared_bytes -= 16;  // more than alignment: the last signs of the last image
  const int full = plan.images_per_block;
  plan.clusters_at_a_time = 1;
  Tensor x = image_batch(kNets[0].config, 2 * full, 1);
  CHECK_THROWS_AS(run_chain<float>(plan, weights, x, 1, {}, {}), Error);
}

}  // namespace ebm::persistent
