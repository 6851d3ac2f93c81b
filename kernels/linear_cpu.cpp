// Matrix products on the CPU: oneDNN's sgemm, and own loops where one extent is 1. Those are bound by
// memory, and the energy's last layer, (N,12544)·(12544,1), is one of them.
#include <dnnl.h>

#include <algorithm>
#include <string>

#include "core/check.h"
#include "kernels/linear.h"

namespace ebm::cpu {
namespace {

constexpr int64_t kParallelElements = 32768;  // below, waking the other cores costs more than it saves

// beta = 0 must not read c: it may hold anything, NaN included.
void store(float& c, float value, float beta) { c = beta == 0 ? value : value + beta * c; }

// In double, which costs little where memory is the limit: energies are sums of many terms of one sign.
float dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

// c_i = matrix_i · v, matrix (m,k)
void matrix_vector(int64_t m, int64_t k, const float* matrix, const float* v, float beta, float* c) {
#pragma omp parallel for schedule(static) if (m * k >= kParallelElements)
  for (int64_t i = 0; i < m; ++i) store(c[i], dot(matrix + i * k, v, k), beta);
}

// c = Σ_i v_i · matrix_i, matrix (k,n): each tile of columns goes once over all rows.
void vector_matrix(int64_t n, int64_t k, const float* v, const float* matrix, float beta, float* c) {
  constexpr int64_t kTile = 512;
#pragma omp parallel for schedule(static) if (n * k >= kParallelElements)
  for (int64_t first = 0; first < n; first += kTile) {
    const int64_t count = std::min(kTile, n - first);
    float sum[kTile] = {};
    for (int64_t i = 0; i < k; ++i) {
      const float* row = matrix + i * n + first;
#pragma omp simd
      for (int64_t j = 0; j < count; ++j) sum[j] += v[i] * row[j];
    }
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) store(c[first + j], sum[j], beta);
  }
}

// c_ij = a_i · b_j
void outer_product(int64_t m, int64_t n, const float* a, const float* b, float beta, float* c) {
#pragma omp parallel for schedule(static) if (m * n >= kParallelElements)
  for (int64_t i = 0; i < m; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < n; ++j) store(c[i * n + j], a[i] * b[j], beta);
  }
}

}  // namespace

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
          float beta, float* c) {
  if (m == 0 || n == 0) return;
  if (k == 1) return outer_product(m, n, a, b, beta, c);
  // A vector is contiguous with and without transpose. A transposed matrix is read by its rows too.
  if (n == 1) return transpose_a ? vector_matrix(m, k, b, a, beta, c) : matrix_vector(m, k, a, b, beta, c);
  if (m == 1) return transpose_b ? matrix_vector(n, k, b, a, beta, c) : vector_matrix(n, k, a, b, beta, c);
  const dnnl_status_t status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a,
                                          transpose_a ? m : k, b, transpose_b ? k : n, beta, c, n);
  EBM_CHECK(status == dnnl_success, "gemm",
            "status " + std::to_string(status) + " from dnnl_sgemm for " + std::to_string(m) + " x " +
                std::to_string(n) + " x " + std::to_string(k),
            "success");
}

}  // namespace ebm::cpu
