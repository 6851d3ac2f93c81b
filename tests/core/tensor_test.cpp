#include "core/tensor.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

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

TEST_CASE("a bf16 tensor has two bytes an element, keeps its type, and refuses to be read as fp32") {
  Tensor x = Tensor::empty({2, 3}, test_device(), ElementType::bf16);
  CHECK(x.bytes() == 12);
  CHECK(x.view(3, {3}).storage_offset() == 3);
  CHECK(x.view(3, {3}).type() == ElementType::bf16);
  CHECK(x.reshaped({6}).type() == ElementType::bf16);
  CHECK(x.clone().type() == ElementType::bf16);
  CHECK(x.to(kCpu).type() == ElementType::bf16);
  CHECK_THROWS_AS(x.data(), Error);
  CHECK_THROWS_AS(x.mutable_data(), Error);
  CHECK_THROWS_AS(Tensor::zeros({2, 3}, test_device()).bf16_data(), Error);
  CHECK_THROWS_AS(x.copy_from(Tensor::zeros({2, 3}, test_device())), Error);
  try {
    x.data();
  } catch (const Error& e) {
    CHECK(e.received() == "bf16 elements of (2, 3)");
    CHECK(e.expected() == "fp32");
  }
}

TEST_CASE("a bf16 tensor comes to the host as the floats that it holds") {
  const std::vector<uint16_t> bits{0x3F80, 0xC000, 0x7F80, 0x0001};
  Tensor x = Tensor::empty({4}, kCpu, ElementType::bf16);
  for (int i = 0; i < 4; ++i) x.mutable_bf16_data()[i] = {bits[i]};
  const std::vector<float> values = x.to(test_device()).to_host();
  CHECK(values[0] == 1.0f);
  CHECK(values[1] == -2.0f);
  CHECK(std::isinf(values[2]));
  CHECK(values[3] == std::bit_cast<float>(0x00010000u));
}

}  // namespace ebm
