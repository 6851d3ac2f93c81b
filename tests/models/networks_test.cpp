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
#include "models/recipes.h"
#include "tests/random_tensor.h"

namespace ebm {

TEST_CASE("the paper's networks have the paper's parameter counts") {
  const Device device = test_device();
  const NetworkConfigs mnist = mnist_paper_networks(), cifar10 = cifar10_paper_networks();
  CHECK(EnergyNet(mnist.energy, device, 1).parameters().size() == 1'625'188);
  CHECK(EnergyNet(cifar10.energy, device, 1).parameters().size() == 1'710'465);
  CHECK(Encoder(mnist.encoder, device, 1).parameters().size() == 759'688);
  // 100·4²·256 + 256, 256·3²·128 + 128, 128·3²·64 + 64, 64·3² + 1
  CHECK(Generator(mnist.generator, device, 1).parameters().size() == 779'265);
}

TEST_CASE("networks map the shapes of their tables") {
  const Device device = test_device();
  for (const NetworkConfigs& n :
       {mnist_laptop_networks({4, 16, 8, 8}), cifar10_laptop_networks({4, 16, 8, 8}), mnist_paper_networks()}) {
    const EnergyNet energy(n.energy, device, 1);
    const Generator generator(n.generator, device, 1);
    const Encoder encoder(n.encoder, device, 1);
    CHECK(generator.image() == n.energy.image);
    const Var x = generator(Var(normal({3, n.generator.latent}, 1)));
    CHECK(x.shape() == Shape{3, n.energy.image.height, n.energy.image.width, n.energy.image.channels});
    CHECK(energy(x).shape() == Shape{3});
    CHECK(encoder(x).mu.shape() == Shape{3, n.encoder.latent});
    CHECK(encoder(x).log_v.shape() == Shape{3, n.encoder.latent});
    for (float v : x.value().to_host()) CHECK(std::abs(v) <= 1.0f);
  }
}

TEST_CASE("initial values are those of the recipe and differ from layer to layer and seed to seed") {
  const Device device = test_device();
  const EnergyNet a(mnist_paper_networks().energy, device, 1), b(mnist_paper_networks().energy, device, 2);
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
  EnergyConfig config = mnist_laptop_networks({4, 16, 8, 8}).energy;
  config.outputs = 5;
  EnergyNet net(config, device, 3);
  fill_normal(net.parameters().flat(), {4, Stream::init}, 0, 0.1f);
  const Tensor x = normal({3, 28, 28, 1}, 5);

  const Parameters& p = net.parameters();
  Var h(x);
  for (int i = 0; i < 3; ++i) {
    const std::string name = "conv" + std::to_string(i + 1);
    const ConvGeometry geometry{config.layers[i].stride, config.layers[i].pad};
    h = leaky_relu(conv2d(h, p[name + ".weight"], p[name + ".bias"], geometry), 0.2f);
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
  for (const EnergyConfig& config :
       {mnist_laptop_networks({4, 16, 8, 8}).energy, cifar10_laptop_networks({4, 16, 8, 8}).energy}) {
    EnergyConfig several = config;
    several.outputs = 3;
    EnergyNet net(several, test_device(), 3);
    fill_normal(net.parameters().flat(), {4, Stream::init}, 0, 0.1f);
    const Tensor x = normal({3, config.image.height, config.image.width, config.image.channels}, 5);
    const EnergyNet::Frozen frozen(net);
    Tape tape;
    const Var at(x);
    const std::vector<float> expected = tape.gradient(sum(net(at)), {at})[0].to_host();
    CHECK(relative_error(frozen.gradient(x).to_host(), expected) < 1e-6);

    const Tensor h = frozen.first(x);
    const LeakyMask mask{h, frozen.negative_slope()};
    const Tensor ds =
        unary_backward(Unary::leaky_relu, {}, mask.y, frozen.gradient_after_first(h), mask.negative_slope);
    const ConvParameters& conv1 = frozen.first_layer();
    const Tensor parts = conv2d_backward_data(ds, conv1.weight.value(), x.shape(), conv1.geometry);
    CHECK(relative_error(parts.to_host(), expected) < 1e-6);
  }
}

TEST_CASE("the gradient with bf16 maps is the one that the CPU emulates") {
  const bool on_cpu = test_device() == kCpu;
  for (const EnergyConfig& config :
       {mnist_laptop_networks({8, 16, 8, 8}).energy, cifar10_laptop_networks({8, 16, 8, 8}).energy}) {
    const PrecisionScope mode(Precision::bf16);
    EnergyNet net(config, test_device(), 3), reference(config, kCpu, 3);
    const Tensor x = normal({3, config.image.height, config.image.width, config.image.channels}, 5);
    const EnergyNet::Frozen frozen(net, ElementType::bf16);
    const Tensor h = frozen.first(x);
    CHECK(h.type() == ElementType::bf16);
    CHECK(frozen.gradient_after_first(h).type() == ElementType::bf16);
    const Tensor g = frozen.gradient(x);
    CHECK(g.type() == ElementType::fp32);
    // Of another device the sums differ in their last bit: now and then that is the next bf16 number, or a unit's
    // sign, which moves some pixels by several per cent of the largest.
    const std::vector<float> expected = EnergyNet::Frozen(reference).gradient(x.to(kCpu)).to_host();
    CHECK(relative_error(g.to_host(), expected) < (on_cpu ? 0x1p-8 : 0.2));
    CHECK_THROWS_AS(frozen(Var(x)), Error);
  }
}

TEST_CASE("the gradient of a net of one layer, after that layer, is the head's weight") {
  EnergyConfig config;
  config.image = {6, 6, 1};
  config.layers = {{3, 2, 4, {1, 1}}};
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
