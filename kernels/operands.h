// Arrays as kernels are given them (map_values.h, map_quads.h, map_channel_values.h): the type says whether they are
// read or written, and whether of floats or of bf16 numbers, which the maths sees as floats; at(i, c) is element i, of
// channel c. A thread of a GPU takes a quad, four neighbouring elements, of each: one access of 16 bytes (bf16: 8)
// where the array is aligned, and all loads before the first store. Element by element a store would hold up the
// loads after it: it might change what they read.
#pragma once

#include <cstdint>

#include "core/random.h"  // EBM_HD
#include "kernels/round_operand.h"

namespace ebm {

struct alignas(16) Quad {
  float v[4];
};
struct alignas(8) Bf16Quad {
  Bf16 v[4];
};

EBM_HD Quad to_quad(const Bf16Quad& from) {
  Quad to;
  for (int j = 0; j < 4; ++j) to.v[j] = to_float(from.v[j]);
  return to;
}
EBM_HD Bf16Quad to_bf16_quad(const Quad& from) {
  Bf16Quad to;
  for (int j = 0; j < 4; ++j) to.v[j] = bf16_of(from.v[j]);
  return to;
}

// A quad starts at element `at` of an array; of its elements only those in begin … end − 1 exist.
struct QuadPlace {
  int64_t at, begin, end;
  int64_t channel = 0;  // of element `at`
  EBM_HD bool has(int j) const { return at + j >= begin && at + j < end; }
  template <class T>
  EBM_HD bool is_whole(const T* x) const {  // and aligned
    return at >= begin && at + 4 <= end && reinterpret_cast<uintptr_t>(x + at) % (4 * sizeof(T)) == 0;
  }
};

EBM_HD Quad load_quad(const float* x, const QuadPlace& place) {
  if (place.is_whole(x)) return *reinterpret_cast<const Quad*>(x + place.at);
  Quad quad;
  for (int j = 0; j < 4; ++j) quad.v[j] = place.has(j) ? x[place.at + j] : 0.0f;
  return quad;
}

EBM_HD void store_quad(float* x, const QuadPlace& place, const Quad& quad) {
  if (place.is_whole(x)) {
    *reinterpret_cast<Quad*>(x + place.at) = quad;
    return;
  }
  for (int j = 0; j < 4; ++j) {
    if (place.has(j)) x[place.at + j] = quad.v[j];
  }
}

EBM_HD Quad load_quad(const Bf16* x, const QuadPlace& place) {
  if (place.is_whole(x)) return to_quad(*reinterpret_cast<const Bf16Quad*>(x + place.at));
  Quad quad;
  for (int j = 0; j < 4; ++j) quad.v[j] = place.has(j) ? to_float(x[place.at + j]) : 0.0f;
  return quad;
}

EBM_HD void store_quad(Bf16* x, const QuadPlace& place, const Quad& quad) {
  if (place.is_whole(x)) {
    *reinterpret_cast<Bf16Quad*>(x + place.at) = to_bf16_quad(quad);
    return;
  }
  for (int j = 0; j < 4; ++j) {
    if (place.has(j)) x[place.at + j] = bf16_of(quad.v[j]);
  }
}

struct Read {
  const float* x;
  EBM_HD float at(int64_t i, int64_t = 0) const { return x[i]; }
  EBM_HD Quad load(const QuadPlace& place) const { return load_quad(x, place); }
  EBM_HD void store(const QuadPlace&, const Quad&) const {}
};

struct Write {
  float* x;
  EBM_HD float& at(int64_t i, int64_t = 0) const { return x[i]; }
  EBM_HD Quad load(const QuadPlace&) const { return {}; }
  EBM_HD void store(const QuadPlace& place, const Quad& quad) const { store_quad(x, place, quad); }
};

struct ReadWrite {
  float* x;
  EBM_HD float& at(int64_t i, int64_t = 0) const { return x[i]; }
  EBM_HD Quad load(const QuadPlace& place) const { return load_quad(x, place); }
  EBM_HD void store(const QuadPlace& place, const Quad& quad) const { store_quad(x, place, quad); }
};

// A bf16 number as the float that it is, rounded back when the expression that it stands in ends.
struct Bf16Element {
  Bf16* to;
  float value;
  EBM_HD explicit Bf16Element(Bf16* x) : to(x), value(to_float(*x)) {}
  EBM_HD ~Bf16Element() { *to = bf16_of(value); }
  EBM_HD operator float&() { return value; }
};

struct ReadBf16 {
  const Bf16* x;
  EBM_HD float at(int64_t i, int64_t = 0) const { return to_float(x[i]); }
  EBM_HD Quad load(const QuadPlace& place) const { return load_quad(x, place); }
  EBM_HD void store(const QuadPlace&, const Quad&) const {}
};

struct WriteBf16 {
  Bf16* x;
  EBM_HD Bf16Element at(int64_t i, int64_t = 0) const { return Bf16Element(x + i); }
  EBM_HD Quad load(const QuadPlace&) const { return {}; }
  EBM_HD void store(const QuadPlace& place, const Quad& quad) const { store_quad(x, place, quad); }
};

struct ReadWriteBf16 {
  Bf16* x;
  EBM_HD Bf16Element at(int64_t i, int64_t = 0) const { return Bf16Element(x + i); }
  EBM_HD Quad load(const QuadPlace& place) const { return load_quad(x, place); }
  EBM_HD void store(const QuadPlace& place, const Quad& quad) const { store_quad(x, place, quad); }
};

// One value for each of `count` channels, which all elements of that channel read.
struct ReadChannel {
  const float* x;
  int64_t count;
  EBM_HD float at(int64_t, int64_t c) const { return x[c]; }
  EBM_HD Quad load(const QuadPlace& place) const {
    if (place.channel + 4 <= count) return load_quad(x, {place.channel, 0, count});
    Quad quad;
    for (int j = 0; j < 4; ++j) quad.v[j] = x[(place.channel + j) % count];
    return quad;
  }
  EBM_HD void store(const QuadPlace&, const Quad&) const {}
};

// f(a Quad& for each operand), between loading them and storing what was written.
template <class F, class... Operand>
EBM_HD void on_quad(const QuadPlace& place, const F& f, const Operand&... operand) {
  const auto run = [&](auto... quad) {
    f(quad...);
    (operand.store(place, quad), ...);
  };
  run(operand.load(place)...);
}

// on_quad of an f that takes an element of each operand.
template <class F, class... Operand>
EBM_HD void on_each_of_quad(const QuadPlace& place, const F& f, const Operand&... operand) {
  const auto f_of_quads = [&](auto&... quad) {
    for (int j = 0; j < 4; ++j) f(quad.v[j]...);
  };
  on_quad(place, f_of_quads, operand...);
}

}  // namespace ebm
