#include "core/device_calls.h"

#include <doctest/doctest.h>

#include "core/graph.h"
#include "core/upload.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "tests/random_tensor.h"
#include "tests/test_device.h"

namespace ebm {

TEST_CASE("what a GPU is given is counted, what the CPU does is not") {
  const int64_t each = test_device().is_cuda() ? 1 : 0;
  Tensor x = normal({64, 32}, 1);
  const Tensor w = normal({16, 32}, 2);
  const auto calls_of = [](const auto& run) {
    const int64_t before = device_calls();
    run();
    return device_calls() - before;
  };
  CHECK(calls_of([&] { scale_in_place(x, 2.0f); }) == each);  // a kernel
  CHECK(calls_of([&] { linear(x, w, {}); }) == each);         // a library's routine
  CHECK(calls_of([&] { Tensor::zeros({5}, x.device()); }) == each);
  CHECK(calls_of([&] { x.clone(); }) == each);
  Upload upload({5}, x.device());
  CHECK(calls_of([&] { upload.start(); }) == each);
  CHECK(calls_of([&] { Tensor::empty({5}, x.device()); }) == 0);
}

TEST_CASE("a replayed graph's kernels are counted, its fills and copies not") {
  const bool gpu = test_device().is_cuda();
  Tensor x = normal({64, 32}, 1), y = normal({64, 32}, 2);
  Graph graph(test_device(), true);
  const auto kernels_of_run = [&] {
    const int64_t before = replayed_kernels();
    graph.run([&] {
      for (int i = 0; i < 3; ++i) scale_in_place(x, 2.0f);
      y.copy_from(x);
    });
    return replayed_kernels() - before;
  };
  CHECK(kernels_of_run() == 0);  // as it is
  for (int i = 0; i < 2; ++i) CHECK(kernels_of_run() == (gpu ? 3 : 0));
}

}  // namespace ebm
