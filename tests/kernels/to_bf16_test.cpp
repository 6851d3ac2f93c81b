// bf16 storage: what is packed is what the emulation of bf16 multiplies.
#include "kernels/to_bf16.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/random_tensor.h"

namespace ebm {
namespace {

// The 16-bit numbers in a tensor's memory.
std::vector<uint16_t> words(const Tensor& packed) {
  const std::vector<float> memory = packed.to_host();
  std::vector<uint16_t> w(2 * memory.size());
  std::memcpy(w.data(), memory.data(), 2 * w.size());
  return w;
}

float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
uint16_t bits_of(uint32_t x) { return bf16_bits(std::bit_cast<float>(x)); }

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

TEST_CASE("both factors are packed in order, each 16-byte aligned, behind them zeros") {
  for (const int64_t n : {1, 3, 4, 7, 8, 9, 1000, 30001})
    for (const int64_t m : {1, 5, 8, 4099}) {
      CAPTURE(n);
      CAPTURE(m);
      const Tensor a = normal({n}, 1), b = normal({m}, 2);
      const Bf16Pair packed = to_bf16(a, b);
      CHECK(reinterpret_cast<uintptr_t>(packed.a.data()) % 16 == 0);
      CHECK(reinterpret_cast<uintptr_t>(packed.b.data()) % 16 == 0);
      CHECK(packed.a.storage_id() == packed.b.storage_id());
      for (const auto& [from, to] : {std::pair(a, packed.a), std::pair(b, packed.b)}) {
        const auto got = words(to);
        const auto expected = round_operands(from, Precision::bf16).to_host();
        REQUIRE(got.size() >= expected.size());
        REQUIRE(got.size() < expected.size() + 8);
        size_t wrong = 0;
        for (size_t i = 0; i < got.size(); ++i)
          wrong += std::bit_cast<uint32_t>(from_bf16(got[i])) !=
                   (i < expected.size() ? std::bit_cast<uint32_t>(expected[i]) : 0u);
        CHECK(wrong == 0);
      }
    }
}

TEST_CASE("a factor that begins anywhere in its memory is packed as well") {
  const Tensor buffer = normal({100}, 1);
  const auto values = buffer.to_host();
  for (const int64_t first : {1, 2, 3, 4}) {
    CAPTURE(first);
    const Bf16Pair packed = to_bf16(buffer.view(first, {50}), buffer.view(first + 1, {33}));
    const auto a = words(packed.a), b = words(packed.b);
    for (int64_t i = 0; i < 50; ++i) CHECK(a[i] == bf16_bits(values[first + i]));
    for (int64_t i = 0; i < 33; ++i) CHECK(b[i] == bf16_bits(values[first + 1 + i]));
  }
}

TEST_CASE("NaN and infinity in a tensor stay what they are") {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from_host(std::vector<float>{NAN, inf, -inf, 3e38f, 1e-40f}, {5}, test_device());
  const auto w = words(to_bf16(x, x).b);
  CHECK(std::isnan(from_bf16(w[0])));
  CHECK(from_bf16(w[1]) == inf);
  CHECK(from_bf16(w[2]) == -inf);
  CHECK(std::abs(from_bf16(w[3]) - 3e38f) <= 3e38f / 256);
  CHECK(w[4] == 0x0001);  // 1e-40 is 0x000116C2, a denormal
}

}  // namespace ebm
