// bf16 storage: what is packed is what the emulation of bf16 multiplies.
#include "kernels/to_bf16.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/round_operand.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

std::vector<float> rounded(const Tensor& x) { return round_operands(x, Precision::bf16).to_host(); }

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), sizeof(float) * a.size()) == 0;
}

float from_bf16(uint16_t bits) { return value_of({bits}); }
uint16_t bits_of(uint32_t x) { return bf16_of(std::bit_cast<float>(x)).bits; }

}  // namespace

TEST_CASE("a float becomes the nearest bf16 number, ties to even") {
  CHECK(bits_of(0x3F800000u) == 0x3F80);  // 1
  CHECK(bits_of(0x3F807FFFu) == 0x3F80);  // below the half
  CHECK(bits_of(0x3F808000u) == 0x3F80);  // the half: to the even neighbour, down
  CHECK(bits_of(0x3F818000u) == 0x3F82);  // the half: to the even neighbour, up
  CHECK(bits_of(0x3F808001u) == 0x3F81);  // above it
  CHECK(bits_of(0xBF818000u) == 0xBF82);
  CHECK(bits_of(0x3FFFFFFFu) == 0x4000);  // carries into the exponent
  CHECK(bits_of(0x00000000u) == 0x0000);
  CHECK(bits_of(0x80000000u) == 0x8000);
  CHECK(bits_of(0x00000001u) == 0x0000);  // the smallest denormal
  CHECK(bits_of(0x00008001u) == 0x0001);  // denormals stay denormals
  CHECK(bits_of(0x007FFFFFu) == 0x0080);  // or become the smallest normal number
  CHECK(bits_of(0x7F7FFFFFu) == 0x7F80);  // the largest float: infinity
  CHECK(bits_of(0x7F800000u) == 0x7F80);
  CHECK(bits_of(0xFF800000u) == 0xFF80);
  for (const uint32_t nan : {0x7F800001u, 0x7FC00000u, 0xFFFFFFFFu, 0xFF800001u})
    CHECK(std::isnan(from_bf16(bits_of(nan))));
}

TEST_CASE("a tensor is rounded in order, alone or with another one in the same launch") {
  for (const int64_t n : {1, 3, 4, 7, 8, 9, 1000, 30001})
    for (const int64_t m : {1, 5, 8, 4099}) {
      CAPTURE(n);
      CAPTURE(m);
      const Tensor a = normal({n}, 1), b = normal({m}, 2);
      const auto [to_a, to_b] = to_bf16(a, b);
      CHECK(to_a.type() == ElementType::bf16);
      CHECK(to_a.shape() == a.shape());
      CHECK(same_bits(to_a.to_host(), rounded(a)));
      CHECK(same_bits(to_b.to_host(), rounded(b)));
      CHECK(same_bits(to_bf16(a).to_host(), rounded(a)));
      CHECK(same_bits(to_fp32(to_a).to_host(), rounded(a)));
      CHECK(to_fp32(to_a).type() == ElementType::fp32);
    }
}

TEST_CASE("what is stored as asked is not copied") {
  const Tensor x = normal({5}, 1), y = to_bf16(x);
  CHECK(to_fp32(x).storage_id() == x.storage_id());
  CHECK(to_bf16(y).storage_id() == y.storage_id());
  const auto [a, b] = to_bf16(x, y);
  CHECK(a.type() == ElementType::bf16);
  CHECK(b.storage_id() == y.storage_id());
}

TEST_CASE("a tensor that begins anywhere in its memory is rounded as well") {
  const Tensor buffer = normal({100}, 1);
  for (const int64_t first : {1, 2, 3, 4}) {
    CAPTURE(first);
    const Tensor x = buffer.view(first, {50}), y = buffer.view(first + 1, {33});
    const auto [a, b] = to_bf16(x, y);
    CHECK(same_bits(a.to_host(), rounded(x)));
    CHECK(same_bits(b.to_host(), rounded(y)));
    CHECK(same_bits(to_fp32(to_bf16(buffer).view(first, {50})).to_host(), rounded(x)));
  }
}

TEST_CASE("NaN and infinity in a tensor stay what they are") {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from_host(std::vector<float>{NAN, inf, -inf, 3e38f, 1e-40f}, {5}, test_device());
  const auto v = to_bf16(x).to_host();
  CHECK(std::isnan(v[0]));
  CHECK(v[1] == inf);
  CHECK(v[2] == -inf);
  CHECK(std::abs(v[3] - 3e38f) <= 3e38f / 256);
  CHECK(v[4] == value_of({1}));  // 1e-40 is 0x000116C2, a denormal
}

}  // namespace ebm
