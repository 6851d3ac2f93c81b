#include "autograd/tape.h"

#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "core/check.h"
#include "core/device_calls.h"
#include "tests/fixed_plans.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

Var vector(std::initializer_list<float> values) {
  return Var(Tensor::from_host(std::vector<float>(values), {static_cast<int64_t>(values.size())}, test_device()));
}

}  // namespace

TEST_CASE("without a tape nothing is recorded, and a tape sees only what happens in its scope") {
  CHECK(Tape::current() == nullptr);
  const Var x = vector({1, 2});
  const Var before = square(x);
  {
    Tape tape;
    CHECK(Tape::current() == &tape);
    const auto g = tape.gradient(sum(before), {x});
    CHECK(g[0].to_host() == std::vector<float>{0, 0});  // x -> before was not recorded
  }
  CHECK(Tape::current() == nullptr);
}

TEST_CASE("an inner tape does not leak into the outer one") {
  Tape outer;
  const Var x = vector({3});
  Var y;
  {
    Tape inner;
    y = square(x);
    CHECK(inner.gradient(sum(y), {x})[0].item() == 6);
  }
  const Var z = add(y, scale(x, 2));
  CHECK(outer.gradient(sum(z), {x})[0].item() == 2);  // y is a constant out here
}

TEST_CASE("gradients of a value used several times add up") {
  Tape tape;
  const Var x = vector({2, -1});
  const Var y = add(mul(x, x), add(x, x));  // x² + 2x
  CHECK(tape.gradient(sum(y), {x})[0].to_host() == std::vector<float>{6, 0});
}

TEST_CASE("one tape answers several questions") {
  Tape tape;
  const Var a = vector({2}), b = vector({5});
  const Var f = sum(mul(a, b)), g = sum(square(a));
  CHECK(tape.gradient(f, {a})[0].item() == 5);
  CHECK(tape.gradient(f, {b})[0].item() == 2);
  CHECK(tape.gradient(g, {a, b})[0].item() == 4);
  CHECK(tape.gradient(g, {a, b})[1].item() == 0);  // g does not depend on b
}

TEST_CASE("a leaky layer's output may be a target, have several readers, or be the loss") {
  const auto tensor = [](std::vector<float> v, const Shape& shape) {
    return Tensor::from_host(v, shape, test_device());
  };
  const Var x(tensor({1, -1}, {1, 1, 2, 1})), w(tensor({2}, {1, 1, 1, 1})), v(tensor({3}, {1, 1, 1, 1}));
  Tape tape;
  const Var h = conv2d(x, w, {}, {}, 0.5f);  // (2, -1) = leaky(2x)
  const Var y = conv2d(h, v, {}, {});        // 3h, passes h's leaky ReLU in its kernel
  const Var f = sum(add(y, mul(h, h)));      // 3h + h²; mul cannot
  const auto g = tape.gradient(f, {x, h, w});
  CHECK(g[1].to_host() == std::vector<float>{7, 1});                       // 3 + 2h
  CHECK(g[0].to_host() == std::vector<float>{14, 1});                      // (3 + 2h) · (1 or 0.5) · 2
  CHECK(g[2].to_host() == std::vector<float>{6.5f});                       // Σ (3 + 2h) · (1 or 0.5) · x
  CHECK(tape.gradient(f, {x})[0].to_host() == std::vector<float>{14, 1});  // h no target now

  const Var minus(tensor({-1}, {1, 1, 1, 1}));
  const Var loss = conv2d(minus, w, {}, {}, 0.5f);     // -1 = leaky(-2), one element
  CHECK(tape.gradient(loss, {minus})[0].item() == 1);  // 0.5 · 2
}

TEST_CASE("the gradient of a linear loss needs only its weights: the same row for every row") {
  const auto tensor = [](std::vector<float> v, const Shape& shape) {
    return Tensor::from_host(v, shape, test_device());
  };
  const Var x(tensor({1, -1, -3, 2}, {2, 1, 2, 1})), w(tensor({2}, {1, 1, 1, 1}));
  const Tensor weights = tensor({5, 7}, {1, 1, 2, 1});
  Tape tape;
  const Var h = conv2d(x, w, {}, {}, 0.5f);          // (2, -1 | -3, 4) = leaky(2x)
  const auto g = tape.gradient(h, weights, {x, w});  // of Σ_i 5·h_i1 + 7·h_i2
  CHECK(g[0].to_host() == std::vector<float>{10, 7, 5, 14});
  CHECK(g[1].to_host() == std::vector<float>{5 - 3.5f - 7.5f + 14});
  const auto with_h = tape.gradient(h, weights, {h, x});
  CHECK(with_h[0].to_host() == std::vector<float>{5, 7, 5, 7});
  CHECK(with_h[1].to_host() == g[0].to_host());
  CHECK(tape.gradient(x, weights, {x})[0].to_host() == std::vector<float>{5, 7, 5, 7});  // a leaf
  CHECK_THROWS_AS(tape.gradient(h, tensor({1, 2, 3}, {1, 1, 3, 1}), {x}), Error);
}

TEST_CASE("a gradient is given as soon as nothing more is added to it: what was first used last comes first") {
  const Var a = vector({1, 2}), b = vector({3, 4}), c = vector({5, 6}), unused = vector({7});
  Tape tape;
  const Var ab = mul(a, b), abc = mul(ab, c);
  const Var loss = sum(add(abc, mul(b, b)));  // b's second use does not make it come earlier
  std::vector<size_t> order;
  std::vector<std::vector<float>> given(6);
  tape.gradient(loss, {a, b, c, ab, unused, c}, [&](size_t target, const Tensor& gradient) {
    order.push_back(target);
    given[target] = gradient.to_host();
  });
  CHECK(order == std::vector<size_t>{2, 3, 5, 0, 1, 4});
  CHECK(given[0] == std::vector<float>{15, 24});
  CHECK(given[1] == std::vector<float>{5 + 6, 12 + 8});
  CHECK(given[2] == std::vector<float>{3, 8});
  CHECK(given[3] == std::vector<float>{5, 6});
  CHECK(given[4] == std::vector<float>{0});
  CHECK(given[5] == given[2]);
}

TEST_CASE("a loss of more than one element is refused") {
  Tape tape;
  const Var x = vector({1, 2});
  CHECK_THROWS_AS(tape.gradient(square(x), {x}), Error);
}

TEST_CASE("a gradient with respect to x runs no weight-gradient kernel") {
  const Device device = test_device();
  const Var x(Tensor::zeros({2, 8, 8, 1}, device)), w1(Tensor::zeros({4, 3, 3, 1}, device)),
      w2(Tensor::zeros({4, 3, 3, 4}, device)), b(Tensor::zeros({4}, device));
  Tape tape;
  const Var y = sum(conv2d(conv2d(x, w1, b, {1, {1, 1}}, 0.2f), w2, b, {1, {1, 1}}, 0.2f));

  ConvCalls before = conv_calls();
  tape.gradient(y, {x});
  CHECK(conv_calls().backward_data - before.backward_data == 2);
  CHECK(conv_calls().backward_weight - before.backward_weight == 0);

  before = conv_calls();
  tape.gradient(y, {w1, w2});  // and none with respect to x, which nobody asked for
  CHECK(conv_calls().backward_data - before.backward_data == 1);
  CHECK(conv_calls().backward_weight - before.backward_weight == 2);
}

TEST_CASE("bias, leaky ReLU and its derivative are no launches beside those of transposed convolutions") {
  const test::FixedPlans fixed;
  const Device device = test_device();
  const Var x(normal({2, 4, 4, 8}, 1)), w1(normal({8, 4, 4, 16}, 2)), w2(normal({16, 4, 4, 8}, 3));
  const Var b1(Tensor::zeros({16}, device)), b2(Tensor::zeros({8}, device));
  const Tensor dy = normal({1, 16, 16, 8}, 4);
  int64_t forward = 0, backward = 0;
  for (int round = 0; round < 2; ++round) {  // ways are found in the first
    Tape tape;
    const int64_t start = device_calls();
    const Var h = conv_transpose2d(x, w1, b1, {2, {1, 1}}, 0.2f);
    const Var y = conv_transpose2d(h, w2, b2, {2, {1, 1}}, 0.2f);
    forward = device_calls() - start;
    tape.gradient(y, dy, {x});
    backward = device_calls() - start - forward;
  }
  const int64_t each = device.is_cuda() ? 1 : 0;
  CHECK(forward == 2 * each);
  CHECK(backward == 3 * each);  // dy for each row, through the last leaky ReLU, is one
}

TEST_CASE("tanh_error is the squared distance of the tanh") {
  const Tensor s = normal({3, 4, 5}, 1), x = normal({3, 4, 5}, 2);
  Tape tape;
  const Var at(s);
  const Var one = tanh_error(at, x), composed = sum_rows(square(sub(tanh(at), Var(x))));
  CHECK(relative_error(one.value().to_host(), composed.value().to_host()) < 1e-6);
  CHECK(relative_error(tape.gradient(sum(one), {at})[0].to_host(), tape.gradient(sum(composed), {at})[0].to_host()) <
        1e-5);
}

}  // namespace ebm
