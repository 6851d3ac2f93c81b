#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/channels.h"
#include "kernels/random_fill.h"
#include "models/residual_encoder.h"
#include "models/unet.h"
#include "tests/fixed_plans.h"
#include "tests/fused_step.h"
#include "tests/random_tensor.h"
#include "train/chains/langevin.h"
#include "train/methods/conditional_settings.h"

namespace ebm {
namespace {

NetworkConfig small_energy() {
  ConditionalSettings s;
  s.fixed_image = {16, 16, 3};
  s.width = 8;
  return networks(s).energy;
}

// Rows first … first + n − 1.
Tensor rows(const Tensor& x, int64_t first, int64_t n) {
  return x.view(first * (x.size() / x.extent(0)), x.shape().with_first(n)).clone();
}

}  // namespace

TEST_CASE("f under a condition is that of a network which is given both at once") {
  const NetworkConfig config = small_energy();
  EnergyNet net(config, test_device(), 3);
  fill_normal(net.parameters().flat(), {4, Stream::init}, 0, 0.1f);
  const Tensor x = normal({3, 16, 16, 3}, 5), c = normal({3, 16, 16, 4}, 6);
  const Parameters& p = net.parameters();
  // the weights of one convolution of concat(x, c)
  const Tensor both = concat_channels(p["conv1.weight"].value(), p["condition.weight"].value());
  Var h = conv2d(concat_channels(Var(x), Var(c)), Var(both), p["conv1.bias"], {2, {1, 1}}, 0.2f);
  h = conv2d(h, p["conv2.weight"], p["conv2.bias"], {2, {1, 1}}, 0.2f);
  h = conv2d(h, p["conv3.weight"], p["conv3.bias"], {2, {1, 1}}, 0.2f);
  const std::vector<float> expected = conv2d(h, p["head.weight"], p["head.bias"], {}).value().to_host();  // (3,1,1,1)
  CHECK(relative_error(net.given(Var(x), net.biases(Var(c))).value().to_host(), expected) < 1e-5);
  CHECK(relative_error(EnergyNet::Frozen(net, ElementType::fp32, c)(Var(x)).value().to_host(), expected) < 1e-5);
}

TEST_CASE("a chain's gradient under a condition is that of f, and fused steps are separate ones to rounding") {
  EnergyNet net(small_energy(), test_device(), 3);
  fill_normal(net.parameters().flat(), {4, Stream::init}, 0, 0.1f);
  const Tensor x = normal({3, 16, 16, 3}, 5), c = normal({3, 16, 16, 4}, 6);
  Tape tape;
  const Var at(x);
  const std::vector<float> expected = tape.gradient(sum(net.given(at, net.biases(Var(c)))), {at})[0].to_host();
  CHECK(relative_error(EnergyNet::Frozen(net, ElementType::fp32, c).gradient(x).to_host(), expected) < 1e-5);
  const auto chain = [&](bool fused, const Tensor& given) {
    const test::FusedStep steps(fused);
    Tensor moved = x.clone();
    langevin_chain(net, moved, 4, {0.5f, 0.1f, 0, 1.2f}, {2, Stream::langevin, 3}, 1, 0, nullptr, given);
    return moved.to_host();
  };
  CHECK(relative_error(chain(true, c), chain(false, c)) < 1e-5);
  CHECK(chain(false, c) != chain(false, normal({3, 16, 16, 4}, 7)));  // the condition is heard
}

TEST_CASE("a U-Net makes images of any size that halves to a pixel, each by itself, and hears z") {
  const test::FixedPlans fixed;
  for (const ImageShape& image : {ImageShape{28, 28, 1}, ImageShape{16, 16, 3}, ImageShape{2, 2, 1}}) {
    CAPTURE(image.height);
    const UNet net({.image = image, .condition = image.channels + 1, .width = 4, .latent = 3}, test_device(), 1);
    const Tensor c = normal({4, image.height, image.width, image.channels + 1}, 1), z = normal({4, 3}, 2);
    const Tensor x = net(Var(c), Var(z)).value();
    CHECK(x.shape() == Shape{4, image.height, image.width, image.channels});
    for (const float v : x.to_host()) CHECK(std::abs(v) <= 1);
    CHECK(relative_error(net(Var(rows(c, 1, 2)), Var(rows(z, 1, 2))).value().to_host(), rows(x, 1, 2).to_host()) <
          1e-5);
    const Var other = net(Var(c), Var(normal({4, 3}, 3)));
    CHECK(relative_error(other.value().to_host(), x.to_host()) > 0.01);
  }
  CHECK_THROWS_WITH_AS(UNet({.image = {32, 8, 1}, .condition = 2}, kCpu, 1), doctest::Contains("32x8"), Error);
  const UNet deaf({.image = {8, 8, 1}, .condition = 2, .width = 4, .latent = 0}, test_device(), 1);
  CHECK(deaf(Var(normal({2, 8, 8, 2}, 1)), Var()).shape() == Shape{2, 8, 8, 1});
}

TEST_CASE("the published U-Net of 256 pixels has 54.4 million parameters") {
  const UNet net({.image = {256, 256, 3}, .condition = 3, .width = 64, .latent = 8}, kCpu, 1);
  CHECK(net.parameters().size() == doctest::Approx(54.4e6).epsilon(0.005));
}

TEST_CASE("the residual encoder infers from image and condition, each row by itself") {
  for (const ImageShape& image : {ImageShape{28, 28, 1}, ImageShape{64, 64, 3}, ImageShape{4, 4, 1}}) {
    CAPTURE(image.height);
    const ResidualEncoder net(
        {.image = image, .condition = image.channels + 1, .width = 4, .features = 16, .latent = 3}, test_device(), 1);
    const Tensor x = normal({3, image.height, image.width, image.channels}, 1),
                 c = normal({3, image.height, image.width, image.channels + 1}, 2);
    const Posterior p = net(Var(x), Var(c));
    CHECK(p.mu.shape() == Shape{3, 3});
    CHECK(p.log_v.shape() == Shape{3, 3});
    CHECK(relative_error(net(Var(rows(x, 2, 1)), Var(rows(c, 2, 1))).mu.value().to_host(),
                         rows(p.mu.value(), 2, 1).to_host()) < 1e-4);
    CHECK(net(Var(x), Var(normal(c.shape(), 3))).mu.value().to_host() != p.mu.value().to_host());
  }
}

}  // namespace ebm
