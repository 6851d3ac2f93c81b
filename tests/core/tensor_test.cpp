#include "core/tensor.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/test_device.h"

namespace ebm {

TEST_CASE("views and reshapes share storage, clones do not") {
  Tensor x = Tensor::from_host(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}, test_device());
  Tensor row = x.view(3, {3});
  CHECK(row.to_host() == std::vector<float>{4, 5, 6});
  Tensor copy = x.clone();
  row.copy_from_host(std::vector<float>{7, 8, 9});
  CHECK(x.reshaped({3, 2}).to_host() == std::vector<float>{1, 2, 3, 7, 8, 9});
  CHECK(copy.to_host() == std::vector<float>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("a write counts up the version of everything that shares the storage") {
  Tensor x = Tensor::zeros({4}, test_device());
  Tensor part = x.view(0, {2});
  const uint64_t before = x.version();
  part.mutable_data();
  CHECK(x.version() == before + 1);
  CHECK(x.storage_id() == part.storage_id());
  CHECK(x.clone().storage_id() != x.storage_id());
}

TEST_CASE("shapes that do not fit are refused with what was received and expected") {
  const Tensor x = Tensor::zeros({2, 3}, test_device());
  CHECK_THROWS_WITH_AS(x.reshaped({4, 2}), doctest::Contains("(2, 3) to (4, 2)"), Error);
  CHECK_THROWS_AS(x.view(4, {3}), Error);
  CHECK_THROWS_AS(x.view(-1, {3}), Error);
  CHECK_THROWS_AS(x.item(), Error);
  CHECK_THROWS_AS(Tensor::zeros({1, 1, 1, 1, 1}, test_device()), Error);
  CHECK_THROWS_AS(Tensor::zeros({-1}, test_device()), Error);
}

TEST_CASE("devices that are not there are refused by name") {
  CHECK(parse_device("cpu") == kCpu);
  CHECK_THROWS_WITH_AS(parse_device("gpu"), doctest::Contains("auto, cpu, cuda or cuda:N"), Error);
  CHECK_THROWS_AS(parse_device("cuda:999"), Error);
  CHECK_THROWS_AS(parse_device("cuda:-1"), Error);
  CHECK_THROWS_AS(parse_device("cuda:x"), Error);
}

}  // namespace ebm
