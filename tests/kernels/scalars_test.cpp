#include "kernels/scalars.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/test_device.h"

namespace ebm {

TEST_CASE("scalars are on the device after an upload, each in its place") {
  Scalars scalars(test_device());
  const int a = scalars.add(), offset = scalars.add_offset(), b = scalars.add();
  scalars.set(a, 1.5f);
  scalars.set(b, -2.0f);
  scalars.set_offset(offset, {1, 2, 3});
  CHECK(scalars.tensor(a).item() == 0.0f);
  scalars.upload();
  CHECK(scalars.tensor(a).item() == 1.5f);
  CHECK(scalars.tensor(b).item() == -2.0f);
  for (int i = 0; i < Scalars::kWords - 5; ++i) scalars.add();
  CHECK_THROWS_AS(scalars.add(), Error);
}

TEST_CASE("a row of numbers goes where a scalar says") {
  const auto number = [](float value) { return Tensor::from_host(std::vector<float>{value}, {1}, test_device()); };
  Tensor rows = Tensor::zeros({3, 2}, test_device());
  Scalars scalars(test_device());
  const int row = scalars.add();
  scalars.set(row, 2);
  scalars.upload();
  store_row(std::array{number(5), number(6)}, rows, scalars.scalar(row));
  CHECK(rows.to_host() == std::vector<float>{0, 0, 0, 0, 5, 6});
  CHECK_THROWS_AS(store_row(std::array{number(5)}, rows, 0.0f), Error);
}

}  // namespace ebm
