#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "core/precision.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "models/encoder.h"
#include "models/energy.h"
#include "models/generator.h"
#include "models/table.h"
#include "tests/random_tensor.h"

namespace ebm {

namespace {

NetworkConfig paper(const std::string& name) { return network(name, paper_size(name)); }

Shape images(const NetworkConfig& config, int64_t n) { return {n, config.input[1], config.input[2], config.input[3]}; }

}  // namespace

TEST_CASE("the paper's networks have the paper's parameter counts") {
  const Device device = test_device();
  CHECK(EnergyNet(paper("mnist.energy"), device, 1).parameters().size() == 1'625'188);
  CHECK(EnergyNet(paper("cifar10.energy"), device, 1).parameters().size() == 1'710'465);
  CHECK(Encoder(paper("mnist.encoder"), 100, device, 1).parameters().size() == 759'688);
  // 100·4²·256 + 256, 256·3²·128 + 128, 128·3²·64 + 64, 64·3² + 1
  CHECK(Generator(paper("mnist.generator"), device, 1).parameters().size() == 779'265);
}

TEST_CASE("networks map the shapes of their tables") {
  const Device device = test_device();
  for (const std::string set : {"mnist", "cifar10"}) {
    const NetworkSize size{.width = 4, .latent = 8};
    const EnergyNet energy(network(set + ".energy", size), device, 1);
    const Generator generator(network(set + ".generator", size), device, 1);
    const Encoder encoder(network(set + ".encoder", size), 8, device, 1);
    CHECK(generator.image() == energy.image());
    const Var x = generator(Var(normal({3, 8}, 1)));
    CHECK(x.shape() == images(energy.config(), 3));
    CHECK(energy(x).shape() == Shape{3});
    CHECK(encoder(x).mu.shape() == Shape{3, 8});
    CHECK(encoder(x).log_v.shape() == Shape{3, 8});
    for (float v : x.value().to_host()) CHECK(std::abs(v) <= 1.0f);
  }
}

TEST_CASE("the networks of a folder's images have one form for every size, grey or colour") {
  const Device device = test_device();
  for (const int64_t edge : {8, 32, 64, 128})
    for (const int64_t channels : {1, 3}) {
      CAPTURE(edge);
      const NetworkSize size{.width = 4, .latent = 8, .image = {edge, edge, channels}};
      const EnergyNet energy(network("folder.energy", size), device, 1);
      const Encoder encoder(network("folder.encoder", size), 8, device, 1);
      CHECK(energy.image() == size.image);
      for (const char* name : {"folder.generator", "folder.latent-generator"}) {
        const Generator generator(network(name, size), device, 1);
        CHECK(generator.image() == size.image);
        const Var x = generator(Var(normal({2, 8}, 1)));
        CHECK(x.shape() == Shape{2, edge, edge, channels});
        CHECK(energy(x).shape() == Shape{2});
        CHECK(encoder(x).mu.shape() == Shape{2, 8});
      }
    }
  // 64: four halvings from w to a cap
  const std::vector<PlacedLayer> places = walk(network("folder.encoder", {.width = 4, .image = {64, 64, 3}}));
  CHECK(places[0].y == Shape{1, 32, 32, 4});
  CHECK(places[9].y == Shape{1, 4, 4, 32});
  CHECK(walk(network("folder.energy", {.width = 4, .image = {64, 64, 3}}))[6].y == Shape{1, 4, 4, 16});
  CHECK(walk(network("folder.generator", {.width = 16, .image = {64, 64, 3}}))[9].y == Shape{1, 32, 32, 4});
  for (const ImageShape image : {ImageShape{48, 48, 3}, {32, 64, 3}, {4, 4, 3}, {0, 0, 3}})
    CHECK_THROWS_AS(network("folder.energy", {.width = 4, .image = image}), Error);
}

TEST_CASE("a network's table is walked with shapes, names and multiply-adds") {
  const std::vector<PlacedLayer> places = walk(paper("mnist.generator"), 2);
  CHECK(places[0].x == Shape{2, 1, 1, 100});
  CHECK(places[0].weight == Shape{100, 4, 4, 256});
  CHECK(places[0].y == Shape{2, 4, 4, 256});
  CHECK(places[0].name == "conv1");
  CHECK(!places[0].bias);
  CHECK(places[0].macs() == 2.0 * 100 * 16 * 256);
  CHECK(places[1].name == "conv1");  // the normalisation's
  CHECK(places[9].name == "conv4");
  CHECK(places[9].bias);
  CHECK(places.back().y == Shape{2, 28, 28, 1});
  CHECK(walk(paper("mnist.energy"))[0].macs() == 14.0 * 14 * 64 * 25);
}

TEST_CASE("layers that do not fit together are refused") {
  const NetworkConfig dense{0, {1, 8, 8, 1}, {}, {Dense{3, "head"}}}, norm{0, {1, 8, 8, 1}, {}, {BatchNorm{}}};
  const NetworkConfig flat{0, {1, 8}, {}, {Conv{3, 1, 4, {1, 1}}}};
  CHECK_THROWS_WITH_AS(walk(dense), doctest::Contains("flatten"), Error);
  CHECK_THROWS_WITH_AS(walk(norm), doctest::Contains("after a convolution"), Error);
  CHECK_THROWS_WITH_AS(walk(flat), doctest::Contains("(1, 8)"), Error);
  CHECK_THROWS_WITH_AS(network("mnist.flow", {}), doctest::Contains("mnist.energy"), Error);
  NetworkConfig half = network("mnist.energy", {});
  half.layers.pop_back();
  CHECK_THROWS_WITH_AS(EnergyNet(half, kCpu, 1), doctest::Contains("covers the map"), Error);
  std::swap(half.layers[1], half.layers[2]);
  half.layers.push_back(Conv{14, 1, 1, {0, 0}});
  CHECK_THROWS_AS(EnergyNet(half, kCpu, 1), Error);
}

TEST_CASE("initial values are those of the recipe and differ from layer to layer and seed to seed") {
  const Device device = test_device();
  const EnergyNet a(paper("mnist.energy"), device, 1), b(paper("mnist.energy"), device, 2);
  const std::vector<float> w = a.parameters()["conv3.weight"].value().to_host();
  double sum = 0, squares = 0;
  for (float v : w) sum += v, squares += v * v;
  CHECK(std::abs(sum / w.size()) < 1e-4);
  CHECK(std::sqrt(squares / w.size()) == doctest::Approx(0.005).epsilon(0.01));
  CHECK(w != b.parameters()["conv3.weight"].value().to_host());
  CHECK(a.parameters()["conv1.bias"].value().to_host() == std::vector<float>(64, 0.0f));
}

TEST_CASE("f is the sum of the head's outputs") {
  const Device device = test_device();
  const NetworkConfig config = network("mnist.energy", {.width = 4, .outputs = 5});
  EnergyNet net(config, device, 3);
  fill_normal(net.parameters().flat(), {4, Stream::init}, 0, 0.1f);
  const Tensor x = normal({3, 28, 28, 1}, 5);

  const Parameters& p = net.parameters();
  Var h(x);
  for (const PlacedLayer& at : walk(config)) {
    if (!at.name.starts_with("conv")) continue;
    h = leaky_relu(conv2d(h, p[at.name + ".weight"], p[at.name + ".bias"], at.geometry), 0.2f);
  }
  const Var outputs = conv2d(h, p["head.weight"], p["head.bias"], {});  // (3, 1, 1, 5)
  const std::vector<float> expected = sum_rows(outputs).value().to_host();
  const std::vector<float> f = net(Var(x)).value().to_host(), frozen = EnergyNet::Frozen(net)(Var(x)).value().to_host();
  for (int i = 0; i < 3; ++i) {
    CHECK(f[i] == doctest::Approx(expected[i]).epsilon(1e-4));
    CHECK(frozen[i] == doctest::Approx(f[i]).epsilon(1e-6));
  }
}

TEST_CASE("the gradient for a chain is that of f, of every recipe's energy, in one part or two") {
  for (const char* name : {"mnist.energy", "cifar10.energy"}) {
    EnergyNet net(network(name, {.width = 4, .outputs = 3}), test_device(), 3);
    fill_normal(net.parameters().flat(), {4, Stream::init}, 0, 0.1f);
    const Tensor x = normal(images(net.config(), 3), 5);
    const EnergyNet::Frozen frozen(net);
    Tape tape;
    const Var at(x);
    const std::vector<float> expected = tape.gradient(sum(net(at)), {at})[0].to_host();
    CHECK(relative_error(frozen.gradient(x).to_host(), expected) < 1e-6);

    const Tensor h = frozen.first(x);
    const LeakyMask mask{h, frozen.first_layer().negative_slope};
    const Tensor ds =
        unary_backward(Unary::leaky_relu, {}, mask.y, frozen.gradient_after_first(h), mask.negative_slope);
    const ConvParameters& conv1 = frozen.first_layer();
    const Tensor parts = conv2d_backward_data(ds, conv1.weight.value(), x.shape(), conv1.geometry);
    CHECK(relative_error(parts.to_host(), expected) < 1e-6);
  }
}

TEST_CASE("the gradient with bf16 maps is the one that the CPU emulates") {
  const bool emulated = test_device() == kCpu && !cpu::multiplies_bf16();
  for (const NetworkConfig& config : {network("mnist.energy", {.width = 8}), network("cifar10.energy", {.width = 8})}) {
    const PrecisionScope mode(Precision::bf16);
    EnergyNet net(config, test_device(), 3), reference(config, kCpu, 3);
    const Tensor x = normal(images(net.config(), 3), 5);
    const EnergyNet::Frozen frozen(net, ElementType::bf16);
    const Tensor h = frozen.first(x);
    CHECK(h.type() == ElementType::bf16);
    CHECK(frozen.gradient_after_first(h).type() == ElementType::bf16);
    const Tensor g = frozen.gradient(x);
    CHECK(g.type() == ElementType::fp32);
    // Where bf16 is multiplied, sums differ in their last bit, Winograd's by more: now and then that is the next bf16
    // number, or a unit's sign, which moves some pixels by several per cent of the largest.
    const std::vector<float> expected = EnergyNet::Frozen(reference).gradient(x.to(kCpu)).to_host();
    CHECK(relative_error(g.to_host(), expected) < (emulated ? 0x1p-8 : 0.2));
    CHECK_THROWS_AS(frozen(Var(x)), Error);
  }
}

TEST_CASE("the gradient of a net of one layer, after that layer, is the head's weight") {
  const NetworkConfig config{0, {1, 6, 6, 1}, {}, {Conv{3, 2, 4, {1, 1}}, LeakyRelu{0.2f}, Conv{3, 1, 1, {}, "head"}}};
  const EnergyNet net(config, test_device(), 3);
  const EnergyNet::Frozen frozen(net);
  const Tensor h = frozen.first(normal({2, 6, 6, 1}, 5));  // (2, 3, 3, 4)
  const std::vector<float> head = net.parameters()["head.weight"].value().to_host();
  std::vector<float> twice = head;
  twice.insert(twice.end(), head.begin(), head.end());
  CHECK(frozen.gradient_after_first(h).to_host() == twice);
}

TEST_CASE("the KL divergence to N(0, I) is the closed form") {
  const Device device = test_device();
  const std::vector<float> mu{0.5f, -1.0f, 0.0f, 2.0f}, log_v{0.0f, -1.0f, 0.7f, 0.2f};
  const Posterior posterior{Var(Tensor::from_host(mu, {2, 2}, device)), Var(Tensor::from_host(log_v, {2, 2}, device))};
  const std::vector<float> kl = kl_to_standard_normal(posterior).value().to_host();
  for (int i = 0; i < 2; ++i) {
    double expected = 0;
    for (int j = 0; j < 2; ++j) {
      const double m = mu[2 * i + j], l = log_v[2 * i + j];
      expected += 0.5 * (m * m + std::exp(l) - l - 1);
    }
    CHECK(kl[i] == doctest::Approx(expected));
  }
}

TEST_CASE("the negative log density of z is the closed form without its constant") {
  const Device device = test_device();
  const std::vector<float> mu{0.5f, -1.0f, 0.0f, 2.0f}, log_v{0.0f, -1.0f, 0.7f, 0.2f}, z{0.1f, 0.2f, -0.3f, 2.0f};
  const Posterior posterior{Var(Tensor::from_host(mu, {2, 2}, device)), Var(Tensor::from_host(log_v, {2, 2}, device))};
  const Tensor at = Tensor::from_host(z, {2, 2}, device);
  const std::vector<float> u = negative_log_density(posterior, at).value().to_host();
  for (int i = 0; i < 2; ++i) {
    double expected = 0;
    for (int j = 0; j < 2; ++j) {
      const double away = z[2 * i + j] - mu[2 * i + j], l = log_v[2 * i + j];
      expected += 0.5 * (away * away / std::exp(l) + l);
    }
    CHECK(u[i] == doctest::Approx(expected));
  }
}

TEST_CASE("reparameterisation gives mu + sqrt(v) e") {
  const Device device = test_device();
  const Posterior posterior{Var(Tensor::from_host(std::vector<float>{1, 2}, {1, 2}, device)),
                            Var(Tensor::from_host(std::vector<float>{0, std::log(4.0f)}, {1, 2}, device))};
  const Tensor xi = Tensor::from_host(std::vector<float>{0.5f, -1.0f}, {1, 2}, device);
  const auto z = reparameterise(posterior, xi).value().to_host();
  CHECK(z[0] == doctest::Approx(1.5));
  CHECK(z[1] == doctest::Approx(0.0).scale(1));
}

}  // namespace ebm
