// Convolutions on the host for the stand-in of cuDNN: loops as simple as can be, none shared with the product.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace host_gpu {

using Numbers = std::vector<float>;

// To `bits` bits behind the leading one, to nearest, ties to even.
inline float round_to(int bits, float v) {
  if (bits >= 23 || v != v) return v;
  const int drop = 23 - bits;
  uint32_t u = std::bit_cast<uint32_t>(v);
  u += (1u << (drop - 1)) - 1 + (u >> drop & 1);
  return std::bit_cast<float>(u & ~((1u << drop) - 1));
}
constexpr int kFp32 = 23, kTf32 = 10, kBf16 = 7;

inline Numbers rounded(int bits, const float* from, uint64_t count) {
  Numbers to(from, from + count);
  for (float& v : to) v = round_to(bits, v);
  return to;
}

inline float dot(const float* a, const float* b, uint64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (uint64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// x (n,h,w,c), filter (k,r,s,c), y (n,p,q,k); the zeros before the image, those behind it follow from p and q.
struct Convolution {
  int64_t n, h, w, c, k, r, s, p, q, stride_h, stride_w, before_h, before_w;

  uint64_t x_size() const { return static_cast<uint64_t>(n * h * w * c); }
  uint64_t filter_size() const { return static_cast<uint64_t>(k * r * s * c); }
  uint64_t y_size() const { return static_cast<uint64_t>(n * p * q * k); }

  void forward(const float* x, const float* filter, float* y) const;
  void backward_data(const float* dy, const float* filter, float* dx) const;
  void backward_weight(const float* x, const float* dy, float* dfilter) const;

 private:
  template <class Visit>
  void for_each_tap(int64_t image, int64_t i, int64_t j, int64_t filter, const Visit& visit) const;
};

}  // namespace host_gpu
