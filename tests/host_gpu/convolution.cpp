#include "convolution.h"

#include <algorithm>

namespace host_gpu {

// visit(first of the c elements of x, first of the c elements of the filter) for each tap inside the image.
template <class Visit>
void Convolution::for_each_tap(int64_t image, int64_t i, int64_t j, int64_t filter, const Visit& visit) const {
  for (int64_t a = 0; a < r; ++a) {
    const int64_t row = i * stride_h - before_h + a;
    if (row < 0 || row >= h) continue;
    for (int64_t b = 0; b < s; ++b) {
      const int64_t column = j * stride_w - before_w + b;
      if (column >= 0 && column < w) visit(((image * h + row) * w + column) * c, ((filter * r + a) * s + b) * c);
    }
  }
}

void Convolution::forward(const float* x, const float* filter, float* y) const {
#pragma omp parallel for collapse(2)
  for (int64_t m = 0; m < n; ++m)
    for (int64_t i = 0; i < p; ++i)
      for (int64_t j = 0; j < q; ++j)
        for (int64_t o = 0; o < k; ++o) {
          float sum = 0;
          for_each_tap(m, i, j, o, [&](int64_t at, int64_t tap) { sum += dot(x + at, filter + tap, c); });
          y[((m * p + i) * q + j) * k + o] = sum;
        }
}

void Convolution::backward_data(const float* dy, const float* filter, float* dx) const {
  std::fill_n(dx, x_size(), 0.0f);
#pragma omp parallel for
  for (int64_t m = 0; m < n; ++m)
    for (int64_t i = 0; i < p; ++i)
      for (int64_t j = 0; j < q; ++j)
        for (int64_t o = 0; o < k; ++o) {
          const float g = dy[((m * p + i) * q + j) * k + o];
          for_each_tap(m, i, j, o, [&](int64_t at, int64_t tap) {
            for (int64_t l = 0; l < c; ++l) dx[at + l] += g * filter[tap + l];
          });
        }
}

void Convolution::backward_weight(const float* x, const float* dy, float* dfilter) const {
  std::fill_n(dfilter, filter_size(), 0.0f);
#pragma omp parallel for
  for (int64_t o = 0; o < k; ++o)
    for (int64_t m = 0; m < n; ++m)
      for (int64_t i = 0; i < p; ++i)
        for (int64_t j = 0; j < q; ++j) {
          const float g = dy[((m * p + i) * q + j) * k + o];
          for_each_tap(m, i, j, o, [&](int64_t at, int64_t tap) {
            for (int64_t l = 0; l < c; ++l) dfilter[tap + l] += g * x[at + l];
          });
        }
}

}  // namespace host_gpu
