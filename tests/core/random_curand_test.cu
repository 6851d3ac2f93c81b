// cuRAND as the judge of core/random.h. Both of its forms used here run without a GPU: the host generator,
// and the device API compiled for the host.
#define QUALIFIERS static __forceinline__ __host__ __device__
#include <curand.h>
#include <curand_kernel.h>
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/random.h"

static_assert(__cplusplus >= 202002L, "CMake did not ask nvcc for C++20");

namespace ebm {

TEST_CASE("cuRAND's host generator draws our words") {
  constexpr uint64_t kSeed = 0x0123456789abcdef;
  // The generator deals out four words of each of 65536 subsequences in turn: counter words 2 and 3 are the
  // subsequence, words 0 and 1 count the rounds.
  constexpr size_t kSubsequences = 65536, kQuads = 3 * kSubsequences / 2;
  curandGenerator_t generator;
  REQUIRE(curandCreateGeneratorHost(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10) == CURAND_STATUS_SUCCESS);
  REQUIRE(curandSetPseudoRandomGeneratorSeed(generator, kSeed) == CURAND_STATUS_SUCCESS);
  std::vector<unsigned> words(4 * kQuads);
  REQUIRE(curandGenerate(generator, words.data(), words.size()) == CURAND_STATUS_SUCCESS);
  curandDestroyGenerator(generator);
  size_t different = 0;
  for (size_t i = 0; i < kQuads; ++i) {
    const Words4 ours =
        philox4x32_10({{static_cast<uint32_t>(i / kSubsequences), 0, static_cast<uint32_t>(i % kSubsequences), 0}},
                      static_cast<uint32_t>(kSeed), static_cast<uint32_t>(kSeed >> 32));
    for (int j = 0; j < 4; ++j) different += ours.v[j] != words[4 * i + j];
  }
  CHECK(different == 0);
}

TEST_CASE("a key is a place in cuRAND's sequence") {
  // Our counter is (quad, step, iteration, stream): cuRAND's offset/4 is its lower half, the subsequence its
  // upper half.
  for (uint32_t i = 0; i < 1000; ++i) {
    const RandomKey key{0x9e3779b97f4a7c15 * (i + 1), static_cast<Stream>(1 + i % 8), 5 * i + 1, 3 * i};
    const uint64_t quad = 4000037u * i % (uint64_t{1} << 32);
    const unsigned long long subsequence = key.iteration | static_cast<uint64_t>(key.stream) << 32;
    const unsigned long long offset = 4 * (quad | static_cast<uint64_t>(key.step) << 32);
    curandStatePhilox4_32_10_t state;
    curand_init(key.seed, subsequence, offset, &state);
    const uint4 theirs = curand4(&state);
    const Words4 ours = random_words(key, quad);
    REQUIRE(ours.v[0] == theirs.x);
    REQUIRE(ours.v[1] == theirs.y);
    REQUIRE(ours.v[2] == theirs.z);
    REQUIRE(ours.v[3] == theirs.w);
  }
}

TEST_CASE("our normals are cuRAND's Box-Muller of the same words, sine and cosine exchanged") {
  double worst = 0;
  for (uint32_t i = 0; i < 10000; ++i) {
    const Words4 words = random_words({3, Stream::langevin, 1, 2}, i);
    const float2 theirs = _curand_box_muller(words.v[0], words.v[1]);
    const Floats4 ours = to_normal(words);
    const double a = std::hypot(theirs.x, theirs.y), b = std::hypot(ours.v[0], ours.v[1]);  // the radius
    // our uniform keeps 24 bits of a word, cuRAND's 32: that counts where u is near 0 or near 1
    if (a > 0.1 && a < 4) worst = fmax(worst, fabs(a - b) / a);
    CHECK(fabs(theirs.x / a - ours.v[1] / b) < 1e-4);
    CHECK(fabs(theirs.y / a - ours.v[0] / b) < 1e-4);
  }
  CHECK(worst < 1e-4);
}

}  // namespace ebm
