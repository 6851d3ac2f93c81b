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

// A quad that is aligned, as the floats that it holds.
EBM_HD Quad read_quad(const float* x) { return *reinterpret_cast<const Quad*>(x); }
EBM_HD Quad read_quad(const Bf16* x) {
  const Bf16Quad from = *reinterpret_cast<const Bf16Quad*>(x);
  Quad to;
  for (int j = 0; j < 4; ++j) to.v[j] = value_of(from.v[j]);
  return to;
}
EBM_HD void write_quad(float* x, const Quad& from) { *reinterpret_cast<Quad*>(x) = from; }
EBM_HD void write_quad(Bf16* x, const Quad& from) {
  Bf16Quad to;
  for (int j = 0; j < 4; ++j) to.v[j] = bf16_of(from.v[j]);
  *reinterpret_cast<Bf16Quad*>(x) = to;
}

// A bf16 number as the float that it is, rounded back when the expression that it stands in ends.
struct Bf16Element {
  Bf16* to;
  float value;
  EBM_HD explicit Bf16Element(Bf16* x) : to(x), value(value_of(*x)) {}
  EBM_HD ~Bf16Element() { *to = bf16_of(value); }
  EBM_HD operator float&() { return value; }
};

// An element as the maths reads it, and as it writes it.
EBM_HD float value_of(float x) { return x; }
EBM_HD void put(float* to, float value) { *to = value; }
EBM_HD void put(Bf16* to, float value) { *to = bf16_of(value); }
EBM_HD float& element_at(float* x) { return *x; }
EBM_HD Bf16Element element_at(Bf16* x) { return Bf16Element(x); }

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

template <class T>
EBM_HD Quad load_quad(const T* x, const QuadPlace& place) {
  if (place.is_whole(x)) return read_quad(x + place.at);
  Quad quad;
  for (int j = 0; j < 4; ++j) quad.v[j] = place.has(j) ? value_of(x[place.at + j]) : 0.0f;
  return quad;
}

template <class T>
EBM_HD void store_quad(T* x, const QuadPlace& place, const Quad& quad) {
  if (place.is_whole(x)) return write_quad(x + place.at, quad);
  for (int j = 0; j < 4; ++j) {
    if (place.has(j)) put(x + place.at + j, quad.v[j]);
  }
}

// T: float or Bf16.
template <class T>
struct Read {
  const T* x;
  EBM_HD float at(int64_t i, int64_t = 0) const { return value_of(x[i]); }
  EBM_HD Quad load(const QuadPlace& place) const { return load_quad(x, place); }
  EBM_HD void store(const QuadPlace&, const Quad&) const {}
};
template <class T>
Read(const T*) -> Read<T>;

template <class T>
struct Write {
  T* x;
  EBM_HD decltype(auto) at(int64_t i, int64_t = 0) const { return element_at(x + i); }
  EBM_HD Quad load(const QuadPlace&) const { return {}; }
  EBM_HD void store(const QuadPlace& place, const Quad& quad) const { store_quad(x, place, quad); }
};
template <class T>
Write(T*) -> Write<T>;

template <class T>
struct ReadWrite {
  T* x;
  EBM_HD decltype(auto) at(int64_t i, int64_t = 0) const { return element_at(x + i); }
  EBM_HD Quad load(const QuadPlace& place) const { return load_quad(x, place); }
  EBM_HD void store(const QuadPlace& place, const Quad& quad) const { store_quad(x, place, quad); }
};
template <class T>
ReadWrite(T*) -> ReadWrite<T>;

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
