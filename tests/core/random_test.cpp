#include "core/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace ebm {

TEST_CASE("Philox4x32-10 gives the published words") {
  // the known-answer vectors of its authors: zero counter and key, all ones, and digits of pi
  const Words4 zero = philox4x32_10({{0, 0, 0, 0}}, 0, 0);
  CHECK(zero.v[0] == 0x6627e8d5u);
  CHECK(zero.v[1] == 0xe169c58du);
  CHECK(zero.v[2] == 0xbc57ac4cu);
  CHECK(zero.v[3] == 0x9b00dbd8u);
  const uint32_t ones = 0xffffffffu;
  const Words4 full = philox4x32_10({{ones, ones, ones, ones}}, ones, ones);
  CHECK(full.v[0] == 0x408f276du);
  CHECK(full.v[1] == 0x41c83b0eu);
  CHECK(full.v[2] == 0xa20bc7c6u);
  CHECK(full.v[3] == 0x6d5451fdu);
  const Words4 pi = philox4x32_10({{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}}, 0xa4093822u, 0x299f31d0u);
  CHECK(pi.v[0] == 0xd16cfe09u);
  CHECK(pi.v[1] == 0x94fdccebu);
  CHECK(pi.v[2] == 0x5001e420u);
  CHECK(pi.v[3] == 0x24126ea1u);
}

TEST_CASE("every part of the key matters") {
  const RandomKey key{1, Stream::langevin, 2, 3};
  const uint32_t word = random_words(key, 4).v[0];
  CHECK(word == random_words(key, 4).v[0]);
  RandomKey other = key;
  other.seed = 2;
  CHECK(word != random_words(other, 4).v[0]);
  other = key;
  other.seed += uint64_t{1} << 32;
  CHECK(word != random_words(other, 4).v[0]);
  other = key;
  other.stream = Stream::latent;
  CHECK(word != random_words(other, 4).v[0]);
  other = key;
  other.iteration = 9;
  CHECK(word != random_words(other, 4).v[0]);
  other = key;
  other.step = 9;
  CHECK(word != random_words(other, 4).v[0]);
  CHECK(word != random_words(key, 5).v[0]);
}

TEST_CASE("uniform draws stay inside (0, 1) at both ends") {
  CHECK(to_uniform(0u) > 0.0f);
  CHECK(to_uniform(0xffffffffu) < 1.0f);
}

TEST_CASE("the polynomials of the normal draws agree with the library's functions") {
  double worst_log = 0, worst_turn = 0;
  for (uint32_t i = 0; i < 1'000'000; ++i) {
    const float u = to_uniform(i * 4294u + 17u);
    const double log = std::log(static_cast<double>(u));
    worst_log = std::max(worst_log, std::abs(log_unit(u) - log) / std::max(std::abs(log), 0.01));
    const float turns = u - 0x1p-24f;
    float c, s;
    cos_sin_turns(turns, c, s);
    const double angle = 2 * M_PI * static_cast<double>(turns);
    worst_turn = std::max({worst_turn, std::abs(c - std::cos(angle)), std::abs(s - std::sin(angle))});
  }
  CHECK(worst_log < 1e-5);
  CHECK(worst_turn < 3e-7);
  CHECK(log_unit(to_uniform(0u)) == doctest::Approx(std::log(0x1p-24)));
}

}  // namespace ebm
