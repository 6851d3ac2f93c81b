// What kernels translated by ptx_to_cpp.py are made of: PTX's operations as far as C++ has no sign for them, checked
// access to memory, the threads of a block and the loop over a grid. For the translated source only.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "device.h"

namespace {

// Where a thread stands when it hands back control.
enum Stop { kDone, kBarrier, kShuffle };

struct Axes {
  uint32_t x, y, z;
};

struct Thread {
  Axes tid, ntid, ctaid, nctaid;
  uint32_t lane;
  char* shared;
  uint32_t shared_bytes;
  const char* kernel;
  uint32_t offer;          // to a shuffle
  const uint32_t* offers;  // of the whole warp, at the last shuffle
  uint32_t offering;       // the lanes that took part in it
  uint32_t living;         // the lanes that had not ended
};

// ---- registers: raw bits, read and written as the type that an instruction names ----

template <class To, class From>
inline To as(From from) {
  if constexpr (std::is_floating_point_v<To>)
    return std::bit_cast<To>(from);
  else
    return static_cast<To>(from);
}
template <class To, class From>
inline void store(To& to, From from) {
  if constexpr (std::is_floating_point_v<From>)
    to = std::bit_cast<To>(from);
  else
    to = static_cast<To>(from);
}
template <class T>
inline T get_bytes(const char* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
template <class T>
inline void put_bytes(char* p, T value) {
  std::memcpy(p, &value, sizeof value);
}

// ---- memory ----

[[noreturn, gnu::noinline]] void fault(const Thread& t, const char* what, uint64_t address, unsigned bytes) {
  std::fprintf(stderr, "host GPU: %s at 0x%llx, %u bytes: %s, block (%u,%u,%u), thread (%u,%u,%u)\n", what,
               static_cast<unsigned long long>(address), bytes, t.kernel, t.ctaid.x, t.ctaid.y, t.ctaid.z, t.tid.x,
               t.tid.y, t.tid.z);
  std::abort();
}
inline char* in_global(const Thread& t, uint64_t address, unsigned bytes, bool write) {
  if (address % bytes != 0) fault(t, "misaligned access", address, bytes);
  char* const p = host_gpu::view(address, bytes);
  if (!p)
    fault(t, write ? "write outside of the device's memory" : "read outside of the device's memory", address, bytes);
  return p;
}
inline char* in_shared(const Thread& t, uint32_t offset, unsigned bytes) {
  if (offset % bytes != 0) fault(t, "misaligned access to shared memory", offset, bytes);
  if (uint64_t{offset} + bytes > t.shared_bytes) fault(t, "access outside of shared memory", offset, bytes);
  return t.shared + offset;
}
inline char* in_any(const Thread& t, uint64_t address, unsigned bytes, bool write) {
  char* const p = reinterpret_cast<char*>(address);
  return p >= t.shared && p + bytes <= t.shared + t.shared_bytes ? p : in_global(t, address, bytes, write);
}

// ---- arithmetic ----

template <class T>
inline bool is_nan(T v) {
  return v != v;
}
template <class T>
inline T shift_left(T v, uint32_t by) {
  return by >= 8 * sizeof(T) ? T(0) : T(v << by);
}
template <class T>
inline T shift_right(T v, uint32_t by) {
  if (by < 8 * sizeof(T)) return T(v >> by);
  return v < 0 ? T(-1) : T(0);
}
// One operation on floats with the rounding of .rm, .rp and .rz. Its exact result fits a double, or nearly.
inline float down(double exact) {
  const float f = static_cast<float>(exact);
  return f > exact ? std::nextafter(f, -INFINITY) : f;
}
inline float up(double exact) {
  const float f = static_cast<float>(exact);
  return f < exact ? std::nextafter(f, INFINITY) : f;
}
inline float towards_zero(double exact) { return exact < 0 ? up(exact) : down(exact); }
template <class T>
inline T saturate(T v) {
  return is_nan(v) ? T(0) : std::min(std::max(v, T(0)), T(1));
}
template <class T>
inline T nan_min(T a, T b) {
  return is_nan(a) ? a : is_nan(b) ? b : std::fmin(a, b);
}
template <class T>
inline T nan_max(T a, T b) {
  return is_nan(a) ? a : is_nan(b) ? b : std::fmax(a, b);
}
template <class To, class From>
inline To to_integer(From whole) {
  using Limits = std::numeric_limits<To>;
  if (is_nan(whole)) return 0;
  if (whole <= static_cast<From>(Limits::min())) return Limits::min();
  if (whole >= static_cast<From>(Limits::max())) return Limits::max();
  return static_cast<To>(whole);
}
template <class T>
inline T extract_bits(T v, uint32_t from, uint32_t count) {  // bfe
  from &= 255, count &= 255;
  if (count == 0) return 0;
  const T shifted = shift_right(v, from);
  if (count >= 8 * sizeof(T)) return shifted;
  using U = std::make_unsigned_t<T>;
  const U mask = static_cast<U>((U(1) << count) - 1), bits = static_cast<U>(shifted) & mask;
  const bool negative = std::is_signed_v<T> && bits >> (count - 1) != 0;
  return static_cast<T>(negative ? bits | static_cast<U>(~mask) : bits);
}
inline uint32_t funnel_left(uint32_t low, uint32_t high, uint32_t by) {  // shf.l.wrap
  by &= 31;
  return by ? (high << by) | (low >> (32 - by)) : high;
}
inline uint32_t funnel_right(uint32_t low, uint32_t high, uint32_t by) {
  by &= 31;
  return by ? (low >> by) | (high << (32 - by)) : low;
}
inline uint32_t permute(uint32_t a, uint32_t b, uint32_t selector) {  // prmt
  const uint64_t bytes = a | (uint64_t{b} << 32);
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint32_t s = selector >> (4 * i) & 15, byte = bytes >> (8 * (s & 7)) & 255;
    result |= (s & 8 ? (byte & 128 ? 255u : 0u) : byte) << (8 * i);
  }
  return result;
}
inline uint16_t to_bf16(float v) {
  if (is_nan(v)) return 0x7fff;
  const uint32_t u = std::bit_cast<uint32_t>(v);
  return static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

// shfl.sync: c holds the last lane and the mask of a segment; `members` are the lanes that have to take part.
inline uint32_t shuffle(const Thread& t, char mode, uint32_t b, uint32_t c, uint32_t members, bool& inside) {
  if ((members & t.living & ~t.offering) != 0) fault(t, "shuffle without all of its lanes", members, 4);
  const uint32_t segment = c >> 8 & 31, last = (t.lane & segment) | (c & 31 & ~segment);
  uint32_t from = t.lane;
  switch (mode) {
    case 'd': from = t.lane + (b & 31), inside = from <= last; break;
    case 'u': from = t.lane - (b & 31), inside = t.lane >= (b & 31) && from >= (t.lane & segment); break;
    case 'b': from = t.lane ^ (b & 31), inside = from <= last; break;
    default: from = (t.lane & segment) | (b & 31 & ~segment), inside = from <= last; break;
  }
  if (!inside) from = t.lane;
  if (!(t.offering >> from & 1)) fault(t, "shuffle from a lane that takes no part", from, 4);
  return t.offers[from];
}

// ---- blocks and grids ----

inline Axes place(uint32_t i, const Axes& extent) {
  return {i % extent.x, i / extent.x % extent.y, i / extent.x / extent.y};
}

// Runs the lanes of one warp that stand at the block's barrier up to their next one, or their end.
template <class Registers, Stop (*kRun)(Registers&, Thread&, const char*)>
void run_warp(bool reversed, uint32_t count, Registers* registers, Thread* threads, Stop* at, const char* params) {
  uint32_t going = 0, offers[32] = {};
  for (uint32_t lane = 0; lane < count; ++lane)
    if (at[lane] == kBarrier) going |= 1u << lane;
  while (going) {
    uint32_t shuffling = 0;
    for (uint32_t j = 0; j < count; ++j) {
      const uint32_t lane = reversed ? count - 1 - j : j;
      if (!(going >> lane & 1)) continue;
      at[lane] = kRun(registers[lane], threads[lane], params);
      if (at[lane] == kShuffle) shuffling |= 1u << lane;
    }
    uint32_t living = 0;
    for (uint32_t lane = 0; lane < count; ++lane)
      if (at[lane] != kDone) living |= 1u << lane;
    for (uint32_t lane = 0; lane < count; ++lane) {
      if (!(shuffling >> lane & 1)) continue;
      offers[lane] = threads[lane].offer;
      threads[lane].living = living;
      threads[lane].offers = offers;
      threads[lane].offering = shuffling;
    }
    going = shuffling;
  }
}

// A block whose threads wait for each other. They run in turn, each up to where it waits.
template <class Registers, Stop (*kRun)(Registers&, Thread&, const char*)>
void run_block(bool reversed, const Thread& block, const char* params) {
  const uint32_t count = block.ntid.x * block.ntid.y * block.ntid.z, warps = (count + 31) / 32;
  struct alignas(16) Quad {
    char bytes[16];
  };
  std::vector<Quad> shared(block.shared_bytes / 16 + 1);
  std::memset(shared.data(), 0xff, 16 * shared.size());  // NaN, until something is written
  std::vector<Registers> registers(count);
  std::vector<Thread> threads(count, block);
  std::vector<Stop> at(count, kBarrier);
  for (uint32_t i = 0; i < count; ++i) {
    threads[i].tid = place(i, block.ntid);
    threads[i].lane = i % 32;
    threads[i].shared = shared[0].bytes;
  }
  while (std::find(at.begin(), at.end(), kBarrier) != at.end()) {
    for (uint32_t w = 0; w < warps; ++w) {
      const uint32_t first = 32 * (reversed ? warps - 1 - w : w);
      run_warp<Registers, kRun>(reversed, std::min(count - first, 32u), &registers[first], &threads[first], &at[first],
                                params);
    }
  }
}

template <class Registers, Stop (*kRun)(Registers&, Thread&, const char*), bool kWaits>
void run_grid(const host_gpu::Grid& g, const char* params) {
  const int64_t blocks = int64_t{g.blocks[0]} * g.blocks[1] * g.blocks[2];
#pragma omp parallel for schedule(dynamic, 16) if (blocks > 64)
  for (int64_t k = 0; k < blocks; ++k) {
    Thread t{};
    t.ntid = {g.threads[0], g.threads[1], g.threads[2]};
    t.nctaid = {g.blocks[0], g.blocks[1], g.blocks[2]};
    t.ctaid = place(static_cast<uint32_t>(g.reversed ? blocks - 1 - k : k), t.nctaid);
    t.shared_bytes = g.shared_bytes;
    t.kernel = g.name;
    if constexpr (kWaits) {
      run_block<Registers, kRun>(g.reversed, t, params);
    } else {
      const uint32_t count = t.ntid.x * t.ntid.y * t.ntid.z;
      for (uint32_t j = 0; j < count; ++j) {
        const uint32_t i = g.reversed ? count - 1 - j : j;
        t.tid = place(i, t.ntid);
        t.lane = i % 32;
        Registers registers;
        kRun(registers, t, params);
      }
    }
  }
}

struct Entry : host_gpu::Kernel {
  explicit Entry(host_gpu::Kernel kernel) : host_gpu::Kernel(std::move(kernel)) { host_gpu::add_kernel(this); }
};

}  // namespace
