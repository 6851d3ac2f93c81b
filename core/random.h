// Randomness as a function: Philox4x32-10 (Salmon et al., SC 2011) of (seed, stream, iteration, step,
// element). There is no generator state: the same arguments give the same number on CPU and GPU, for any
// grid, thread count or rank count, and a checkpoint stores counters only.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define EBM_HD __host__ __device__ __forceinline__
#else
#define EBM_HD inline __attribute__((always_inline))
#endif

#if defined(__CUDA_ARCH__)
#include <curand_philox4x32_x.h>
#endif

namespace ebm {

// What a draw is for; draws of different streams are independent. A method's own are numbers from 64 on, named in its
// file; an iteration that draws from one twice is refused (train/iteration.h).
enum class Stream : uint32_t {
  init = 1,       // parameters
  latent = 2,     // ẑ ~ N(0, I_d)
  langevin = 3,   // ξ_t of the chains
  posterior = 4,  // e of the reparameterisation
  dropout = 5,
  data_order = 6,
  data_noise = 7,    // on data images, in the energy's loss
  sample = 8,        // anything drawn after training
  sample_noise = 9,  // as data_noise, on revised samples
  start = 10,        // of chains that begin at noise
  restart = 11,      // which chains of a replay buffer begin anew
  crop = 12,         // what part of an image is learned from, and whether mirrored
  acceptance = 20,   // Metropolis decisions
  projection = 21,   // directions that a diagnosis looks along
  holes = 40,        // of images to complete (train/data/mask.h); step: the row
};

// Added to a key's numbers when a kernel starts; lies in the device's memory.
struct RandomOffset {
  uint32_t iteration = 0, step = 0;
  uint32_t quad = 0;  // of four elements
};

struct RandomKey {
  uint64_t seed = 0;
  Stream stream = Stream::init;
  uint32_t iteration = 0;
  uint32_t step = 0;  // Langevin step, layer or epoch, whatever the stream counts
  // What a replayed graph (core/graph.h) differs by from replay to replay; nullptr: nothing.
  const RandomOffset* offset = nullptr;
  uint32_t first_quad = 0;

  // Takes the offset in; kernels call it once (kernels/map.h).
  EBM_HD void load() {
    if (!offset) return;
    iteration += offset->iteration;
    step += offset->step;
    first_quad += offset->quad;
    offset = nullptr;
  }
};

struct Words4 {
  uint32_t v[4];
};
struct Floats4 {
  float v[4];
};

// Ten rounds on a 128-bit counter under a 64-bit key. The GPU uses cuRAND's own rounds: the same integers.
EBM_HD Words4 philox4x32_10(Words4 counter, uint32_t key0, uint32_t key1) {
#if defined(__CUDA_ARCH__)
  const uint4 r =
      curand_Philox4x32_10(make_uint4(counter.v[0], counter.v[1], counter.v[2], counter.v[3]), make_uint2(key0, key1));
  return {{r.x, r.y, r.z, r.w}};
#else
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter.v[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter.v[2];
    counter = {{static_cast<uint32_t>(b >> 32) ^ counter.v[1] ^ key0, static_cast<uint32_t>(b),
                static_cast<uint32_t>(a >> 32) ^ counter.v[3] ^ key1, static_cast<uint32_t>(a)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
#endif
}

// The four words of elements 4·quad … 4·quad+3. The element index reaches 2^34 - 1.
EBM_HD Words4 random_words(const RandomKey& key, uint64_t quad) {
  return philox4x32_10(
      {{static_cast<uint32_t>(quad) + key.first_quad, key.step, key.iteration, static_cast<uint32_t>(key.stream)}},
      static_cast<uint32_t>(key.seed), static_cast<uint32_t>(key.seed >> 32));
}

// (0, 1): both ends excluded, so that a logarithm is always finite. 23 bits and a half fit a float exactly.
EBM_HD float to_uniform(uint32_t word) { return (static_cast<float>(word >> 9) + 0.5f) * 0x1p-23f; }

// ln(u) for u in (0, 1), to 1 ulp or so. A polynomial instead of logf: it vectorises on the host and is
// the same arithmetic on both devices.
EBM_HD float log_unit(float u) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, u);
  // u = m·2^e with m in [sqrt(1/2), sqrt(2))
  const int32_t shifted = static_cast<int32_t>(bits - 0x3F3504F3u);
  const int32_t e = shifted >> 23;
  const float m = __builtin_bit_cast(float, bits - (static_cast<uint32_t>(e) << 23));
  const float r = m - 1.0f;
  const float r2 = r * r;
  float p = 7.0376836292e-2f;
  p = p * r - 1.1514610310e-1f;
  p = p * r + 1.1676998740e-1f;
  p = p * r - 1.2420140846e-1f;
  p = p * r + 1.4249322787e-1f;
  p = p * r - 1.6668057665e-1f;
  p = p * r + 2.0000714765e-1f;
  p = p * r - 2.4999993993e-1f;
  p = p * r + 3.3333331174e-1f;
  const float fe = static_cast<float>(e);
  float y = p * r * r2 - 2.12194440e-4f * fe - 0.5f * r2;
  return r + y + 0.693359375f * fe;
}

// cos and sin of 2π·v for v in [0, 1), by octants: the argument of the polynomials stays within ±π/4.
EBM_HD void cos_sin_turns(float v, float& cosine, float& sine) {
  const int32_t quadrant = static_cast<int32_t>(v * 4.0f + 0.5f);
  const float t = (v - 0.25f * static_cast<float>(quadrant)) * 6.28318530718f;
  const float t2 = t * t;
  const float s = t + t * t2 * (-1.6666654611e-1f + t2 * (8.3321608736e-3f - t2 * 1.9515295891e-4f));
  const float c =
      1.0f - 0.5f * t2 + t2 * t2 * (4.166664568298827e-2f + t2 * (-1.388731625493765e-3f + t2 * 2.443315711809948e-5f));
  const bool swap = quadrant & 1;
  const float a = swap ? s : c;  // magnitude of the cosine
  const float b = swap ? c : s;
  cosine = ((quadrant + 1) & 2) ? -a : a;
  sine = (quadrant & 2) ? -b : b;
}

EBM_HD Floats4 to_uniform(const Words4& w) {
  return {{to_uniform(w.v[0]), to_uniform(w.v[1]), to_uniform(w.v[2]), to_uniform(w.v[3])}};
}

// Box-Muller: words (0, 1) give elements 0 and 1, words (2, 3) elements 2 and 3.
EBM_HD Floats4 to_normal(const Words4& w) {
  Floats4 n;
  for (int i = 0; i < 4; i += 2) {
    const float radius = __builtin_sqrtf(-2.0f * log_unit(to_uniform(w.v[i])));
    float c, s;
    cos_sin_turns(static_cast<float>(w.v[i + 1] >> 8) * 0x1p-24f, c, s);
    n.v[i] = radius * c;
    n.v[i + 1] = radius * s;
  }
  return n;
}

EBM_HD Floats4 normal4(const RandomKey& key, uint64_t quad) { return to_normal(random_words(key, quad)); }
EBM_HD Floats4 uniform4(const RandomKey& key, uint64_t quad) { return to_uniform(random_words(key, quad)); }
// One element of the same sequence; for places where four at a time would not read well.
EBM_HD float normal1(const RandomKey& key, uint64_t element) { return normal4(key, element / 4).v[element % 4]; }
EBM_HD float uniform1(const RandomKey& key, uint64_t element) { return uniform4(key, element / 4).v[element % 4]; }

}  // namespace ebm
