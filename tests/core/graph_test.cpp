#include "core/graph.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "core/check.h"
#include "core/download.h"
#include "core/phase_timer.h"
#include "core/upload.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/scalars.h"
#include "tests/test_device.h"

namespace ebm {

TEST_CASE("work that is replayed does what it did at first, with the numbers of the time") {
  const Device device = test_device();
  Scalars scalars(device);
  const int offset = scalars.add_offset();
  const Tensor ones = Tensor::from_host(std::vector<float>(100, 1.0f), {100}, device);
  Tensor sum = Tensor::zeros({100}, device), expected = Tensor::zeros({100}, device);
  Graph graph(device, true);
  for (uint32_t i = 0; i < 5; ++i) {
    scalars.set_offset(offset, {i, 0, 0});
    scalars.upload();
    graph.run([&] {
      Tensor noise = Tensor::empty({100}, device);  // a temporary, in the graph's own memory
      fill_normal(noise, {1, Stream::langevin, 0, 0, scalars.offset(offset)}, 0, 1);
      add_scaled(sum, binary(Binary::add, noise, ones), 1.0f);
    });
    const Tensor between = Tensor::from_host(std::vector<float>(100, 9.0f), {100}, device);  // not the graph's memory
    Tensor noise = Tensor::empty({100}, device);
    fill_normal(noise, {1, Stream::langevin, i, 0}, 0, 1);
    add_scaled(expected, binary(Binary::add, noise, ones), 1.0f);
    CHECK(sum.to_host() == expected.to_host());
    CHECK(between.to_host() == std::vector<float>(100, 9.0f));
  }
}

TEST_CASE("a disabled graph calls its work each time") {
  Graph graph(test_device(), false);
  int calls = 0;
  for (int i = 0; i < 4; ++i) graph.run([&] { ++calls; });
  CHECK(calls == 4);
}

TEST_CASE("work that throws is not recorded, its exception is passed on, and the next call does it again") {
  const Device device = test_device();
  const Tensor one = Tensor::from_host(std::vector<float>(10, 1.0f), {10}, device);
  Tensor sum = Tensor::zeros({10}, device);
  Graph graph(device, true);
  const auto add_and = [&](const std::function<void()>& then) {
    graph.run([&] {
      add_scaled(sum, one, 1.0f);
      then();
    });
  };
  add_and([] {});
  const auto before = [&] { sum.copy_from(one); };  // what a failed call did is its own affair
  before();
  CHECK_THROWS_AS(add_and([] { throw std::runtime_error("no Error of this project"); }), std::runtime_error);
  before();
  CHECK_THROWS_WITH_AS(add_and([] { EBM_FAIL("a test", "this", "that"); }), doctest::Contains("expected that"), Error);
  before();
  for (float expected : {2.0f, 3.0f, 4.0f}) {
    add_and([] {});
    CHECK(sum.to_host() == std::vector<float>(10, expected));
  }
}

TEST_CASE("running out of memory says so while a graph is recorded too, and frees nothing of it") {
  const Device device = test_device();
  Graph graph(device, true);
  int64_t elements = 1000;
  Tensor sum = Tensor::zeros({1000}, device);
  const auto work = [&] {
    const Tensor ones = full({1000}, 1.0f, device);  // released before the next request, and cached
    add_scaled(sum, ones, 1.0f);
    Tensor::empty({elements}, device);
  };
  graph.run(work);
  const auto ask_for_too_much = [&] {
    elements = int64_t{1} << 58;
    CHECK_THROWS_WITH_AS(graph.run(work), doctest::Contains("out of memory"), Error);
    CHECK_THROWS_WITH_AS(graph.run(work), doctest::Contains("a smaller --batch or --chains"), Error);
    elements = 1000;
  };
  ask_for_too_much();
  sum.copy_from(full({1000}, 1.0f, device));
  for (float expected : {2.0f, 3.0f, 4.0f}) {
    graph.run(work);
    CHECK(sum.to_host() == std::vector<float>(1000, expected));
  }
}

TEST_CASE("what is uploaded arrives, time after time") {
  Upload upload({3}, test_device());
  for (float v : {1.0f, 2.0f, 3.0f}) {
    for (float& value : upload.host()) value = v;
    upload.start();
    CHECK(upload.tensor().to_host() == std::vector<float>(3, v));
    upload.release();
  }
}

TEST_CASE("what is downloaded is what the tensor held then, whatever is written to it after") {
  Tensor x = Tensor::zeros({3}, test_device());
  Download download({3}, test_device());
  CHECK(std::vector<float>(download.host().begin(), download.host().end()) == std::vector<float>(3, 0.0f));
  for (float v : {1.0f, 2.0f, 3.0f}) {
    x.copy_from(full({3}, v, test_device()));
    download.start(x);
    x.copy_from(full({3}, -v, test_device()));
    const auto values = download.host();
    CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>(3, v));
  }
  CHECK_THROWS_AS(download.start(Tensor::zeros({4}, test_device())), Error);
}

TEST_CASE("phases are timed in order and add up to less than the whole") {
  const Device device = test_device();
  PhaseTimer timer(device, {"first", "second", "never"});
  const auto begin = std::chrono::steady_clock::now();
  Tensor x = Tensor::empty({1 << 20}, device);
  timer.begin(0);
  for (int i = 0; i < 3; ++i) fill_normal(x, {1}, 0, 1);
  timer.begin(1);
  timer.end();
  synchronize(device);
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begin;
  CHECK(timer.seconds(0) > 0);
  CHECK(timer.seconds(1) >= 0);
  CHECK(timer.seconds(1) < timer.seconds(0));
  CHECK(timer.seconds(2) == 0);
  CHECK(timer.seconds(0) + timer.seconds(1) <= whole.count());
}

}  // namespace ebm
